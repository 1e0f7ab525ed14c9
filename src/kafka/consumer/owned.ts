/**
 * Which partitions are owned, and how far each is read. `ownership.ts` ensures that it is all of the topic's
 * or none; whoever else asks, asks about single ones.
 */

/** See `ownership`. */
export type OwnedState = 'partial' | 'whole' | 'draining'

export interface Position {
  /** Offset of the record to come next. */
  next: number
  /** When something came last, or reading began. */
  since: number
  /** When it was read to its end last; undefined: never. */
  endedAt?: number
}

export interface Owned {
  readonly state: OwnedState
  /** Count of changes of the state. */
  readonly turn: number
  /** By partition; empty while it is partial. */
  readonly positions: ReadonlyMap<number, Position>
  /** Positions to count a call's records by, if the call began in `turn`; undefined if none count. */
  countingSince(turn: number): ReadonlyMap<number, Position> | undefined
  mayCommit(partition: number): boolean
  /** Whole, to be read from these offsets on. */
  begin(starts: readonly { readonly partition: number; readonly start: number }[], since: number): void
  /** Nothing more is handed on; without effect where nothing is. */
  drain(): void
  /** Drains, and nothing may be committed any more: the offsets are those of another log. */
  spoil(): void
  /** Partial again. */
  end(): void
}

const NEXT: Readonly<Record<OwnedState, readonly OwnedState[]>> = {
  partial: ['whole'],
  whole: ['draining'],
  draining: ['partial'],
}
const NONE: ReadonlyMap<number, Position> = new Map()

export function ownedPartitions(): Owned {
  let state: OwnedState = 'partial'
  let turn = 0
  let positions = NONE
  let isSpoilt = false

  function move(to: OwnedState): void {
    if (!NEXT[state].includes(to)) throw new Error(`partitions cannot go from ${state} to ${to}`)
    state = to
    turn++
  }
  function drain(): void {
    if (state === 'whole') move('draining')
  }

  return {
    get state() {
      return state
    },
    get turn() {
      return turn
    },
    get positions() {
      return positions
    },
    countingSince: asked => (state === 'whole' && asked === turn ? positions : undefined),
    mayCommit: partition => !isSpoilt && positions.has(partition),
    begin(starts, since) {
      move('whole')
      isSpoilt = false
      positions = new Map(starts.map(({ partition, start }) => [partition, { next: start, since }]))
    },
    drain,
    spoil() {
      drain()
      isSpoilt = true
    },
    end() {
      move('partial')
      positions = NONE
    },
  }
}
