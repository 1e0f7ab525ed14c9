/**
 * What a round of copying may do next, and when a change of the assignment may be answered. Pure: it is asked for the next
 * step, and told what came of it.
 *
 * A round is a transaction: copies, and with them the offsets up to which their partitions were copied.
 *
 *     idle --began--> open --committed--> idle
 *                       |--failed--> failed --aborted--> idle    positions are looked up
 *                       `--broken--> broken --reopened--> idle    positions are looked up
 *
 * No assignment is answered while a transaction is open, and one that was lost aborts it: a member that has joined again may
 * commit what it read before, over the offsets of whoever took over. So an offset is sent only for a partition that is owned
 * since before it was read.
 */

export interface Change {
  readonly kind: 'assign' | 'revoke'
  readonly partitions: readonly number[]
}

/** Offset of the next record to copy. */
export interface Place {
  readonly partition: number
  readonly offset: number
}

export type Step =
  | { readonly do: 'read' }
  /** Ends the round: offsets, then the transaction. Told by `committed`, `failed` or `broken`. */
  | { readonly do: 'commit'; readonly places: readonly Place[] }
  /** Told by `aborted` or `broken`. */
  | { readonly do: 'abort' }
  /** A new producer of the same name, which ends whatever the old one left open. Told by `reopened`. */
  | { readonly do: 'reopen' }
  /** Told by `assigned` or `revoked`. */
  | { readonly do: 'answer'; readonly change: Change }
  /** What was read does not count: back to what is committed. Told by `repositioned`. */
  | { readonly do: 'reposition'; readonly partitions: readonly number[] }

export interface Rounds {
  /** A change came; it is answered by a later step. */
  changes(change: Change): void
  /** `isDue`: an open round is to end; `isLost`: what was assigned belongs to others already. */
  next(isDue: boolean, isLost: boolean): Step
  /** Where the next record of an owned partition is expected; undefined where it is not owned, or not known. */
  position(partition: number): number | undefined
  readonly phase: 'idle' | 'open' | 'failed' | 'broken'
  readonly owned: Iterable<number>
  /** A transaction was begun. */
  began(): void
  /** All below `offset` of the partition is copied, or passed over, in the open round. */
  moved(partition: number, offset: number): void
  committed(): void
  failed(): void
  broken(): void
  aborted(): void
  reopened(): void
  assigned(places: readonly Place[]): void
  revoked(): void
  repositioned(places: readonly Place[]): void
}

export function rounds(): Rounds {
  const waiting: Change[] = []
  /** Undefined: it has to be looked up. */
  const positions = new Map<number, number | undefined>()
  const touched = new Map<number, number>()
  let phase: Rounds['phase'] = 'idle'

  function astray(): void {
    phase = 'idle'
    touched.clear()
    for (const partition of positions.keys()) positions.set(partition, undefined)
  }
  function unknown(): number[] {
    return [...positions].flatMap(([partition, position]) => (position === undefined ? [partition] : []))
  }
  function answered(kind: Change['kind']): Change {
    const change = waiting.shift()
    if (phase !== 'idle' || change?.kind !== kind) throw new Error(`no ${kind} to be answered while ${phase}`)
    return change
  }
  function place(places: readonly Place[]): void {
    for (const { partition, offset } of places) positions.set(partition, offset)
  }

  return {
    changes: change => void waiting.push(change),
    next(isDue, isLost) {
      if (phase === 'broken') return { do: 'reopen' }
      if (phase === 'failed') return { do: 'abort' }
      const [change] = waiting
      if (phase === 'open') {
        if (isLost) return { do: 'abort' }
        if (change === undefined && !isDue) return { do: 'read' }
        return { do: 'commit', places: [...touched].map(([partition, offset]) => ({ partition, offset })) }
      }
      if (change !== undefined) return { do: 'answer', change }
      const partitions = isLost ? [] : unknown()
      return partitions.length > 0 ? { do: 'reposition', partitions } : { do: 'read' }
    },
    position: partition => positions.get(partition),
    get phase() {
      return phase
    },
    get owned() {
      return positions.keys()
    },
    began() {
      if (phase !== 'idle') throw new Error(`no transaction begins while ${phase}`)
      phase = 'open'
    },
    moved(partition, offset) {
      if (phase !== 'open' || positions.get(partition) === undefined)
        throw new Error(`nothing of partition ${partition} is copied while ${phase}`)
      positions.set(partition, offset)
      touched.set(partition, offset)
    },
    committed() {
      phase = 'idle'
      touched.clear()
    },
    failed() {
      phase = 'failed'
    },
    broken() {
      phase = 'broken'
    },
    aborted: astray,
    reopened: astray,
    assigned(places) {
      answered('assign')
      place(places)
    },
    revoked() {
      for (const partition of answered('revoke').partitions) positions.delete(partition)
    },
    repositioned: place,
  }
}
