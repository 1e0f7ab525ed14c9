/** What is told of something that does not do what it should: each trouble once a minute while it lasts. */

export interface Troubles {
  /** Something went wrong; with `lasting`, it holds until `over` is called and `again` tells it again. */
  tell(text: string, lasting?: boolean): void
  /** Tells again what lasts, when it is time. */
  again(): void
  over(): void
  /** Something that lasts was told. */
  readonly isLasting: boolean
}

const TOLD_EVERY_MS = 60_000

export function troubles(report: (text: string) => void, now: () => number): Troubles {
  const told = new Map<string, { readonly at: number; untold: number }>()
  let lasting: string | undefined

  function tell(text: string, happened = 1): void {
    const before = told.get(text)
    if (before !== undefined && now() - before.at < TOLD_EVERY_MS) {
      before.untold += happened
      return
    }
    for (const [old, { at }] of told) if (now() - at >= 2 * TOLD_EVERY_MS) told.delete(old)
    told.set(text, { at: now(), untold: 0 })
    const more = before?.untold ?? 0
    report(more === 0 ? text : `${text} (and ${more} times since this was said last)`)
  }
  return {
    tell(text, lasts = false) {
      if (lasts) lasting = text
      tell(text)
    },
    again() {
      if (lasting !== undefined) tell(lasting, 0)
    },
    over() {
      lasting = undefined
    },
    get isLasting() {
      return lasting !== undefined
    },
  }
}
