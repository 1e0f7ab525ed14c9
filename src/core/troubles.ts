/** What is told of something that does not do what it should: each trouble once a minute while it lasts. */

export interface Troubles {
  /**
   * Something went wrong; with `lasting`, it holds until `over` is called and `again` tells it again. Texts of one `kind`
   * are one trouble. Says whether it was told now.
   */
  tell(text: string, lasting?: boolean, kind?: string): boolean
  /** Tells again what lasts, when it is time. */
  again(): void
  over(): void
  /** Something that lasts was told. */
  readonly isLasting: boolean
}

const TOLD_EVERY_MS = 60_000

export function troubles(report: (text: string) => void, now: () => number): Troubles {
  const told = new Map<string, { readonly at: number; untold: number }>()
  let lasting: { readonly text: string; readonly kind: string } | undefined

  function tell(text: string, happened: number, kind: string): boolean {
    const before = told.get(kind)
    if (before !== undefined && now() - before.at < TOLD_EVERY_MS) {
      before.untold += happened
      return false
    }
    for (const [old, { at }] of told) if (now() - at >= 2 * TOLD_EVERY_MS) told.delete(old)
    told.set(kind, { at: now(), untold: 0 })
    const more = before?.untold ?? 0
    report(more === 0 ? text : `${text} (and ${more} times since this was said last)`)
    return true
  }

  return {
    tell(text, lasts = false, kind = text) {
      if (lasts) lasting = { text, kind }
      return tell(text, 1, kind)
    },
    again() {
      if (lasting !== undefined) tell(lasting.text, 0, lasting.kind)
    },
    over() {
      lasting = undefined
    },
    get isLasting() {
      return lasting !== undefined
    },
  }
}
