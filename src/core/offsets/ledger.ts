/**
 * The offset ledger: which records are received, which are resolved, and so up to where offsets may be committed.
 *
 * Per partition and assignment epoch:
 * - `position`: the offset after the last received record;
 * - `base`: the lowest offset that is received and unresolved, else `position`. It is what may be committed.
 * Offsets that the broker never delivered (compaction, transaction markers) hold nothing: only received ones count.
 *
 * Invariants: `base` never passes an unresolved offset, never passes `position`, never moves back within an epoch.
 * The ledger is pure: it commits nothing and knows no files, only the `owner` numbers it is given.
 *
 * core/offsets/ leads from received to committed offsets, and back after a restart. It knows nothing of files but
 * their ids.
 */

/** Where one received record stands in the ledger; goes stale when its partition's epoch ends. */
export interface Receipt {
  readonly partition: number
  readonly epoch: number
  /** Count of records received before it in this epoch. */
  readonly seq: number
}

export interface RecordPlace {
  readonly partition: number
  readonly offset: number
}

/** One partition's part of a consistent cut. */
export interface PartitionCut {
  readonly partition: number
  readonly epoch: number
  readonly base: number
  readonly position: number
  /** Changes of the partition so far in its epoch: resolved records and those that were touched. */
  readonly changes: number
  /**
   * Calls `visit` for each unresolved record in `[base, position)`, in order of offset; the others are resolved.
   * It reads the live ledger: to be called before the next record is received or resolved.
   */
  eachUnresolved(visit: (offset: number, owner: number) => void): void
}

export interface Ledger {
  /**
   * Begins an epoch of a partition at `base`, the offset of the first record to come; returns the epoch.
   * `committed` is the offset that the group has committed, undefined when it has none: where it differs from
   * `base`, there is something to commit from the start.
   */
  assign(partition: number, base: number, committed?: number): number
  /** Ends the epoch: all receipts of it go stale. */
  revoke(partition: number): void
  /** The current epoch of a partition, undefined when it is not assigned. */
  epoch(partition: number): number | undefined
  /**
   * Notes a record as received for `owner`, a number of the caller's, one per file. Undefined when the
   * partition is not assigned or the offset lies below `position`.
   */
  receive(partition: number, offset: number, owner: number): Receipt | undefined
  /** Moves `position` over offsets that hold no record, up to `offset`. */
  skipTo(partition: number, offset: number): void
  /** Of these records the ones that are neither resolved nor of an epoch that has ended. */
  unresolved(receipts: Iterable<Receipt>): Iterable<RecordPlace>
  /** Resolves a record; false when its epoch ended or it was resolved before. */
  resolve(receipt: Receipt): boolean
  /** Something else that a commit records of this partition has changed. */
  touch(partition: number): void
  base(partition: number): number
  position(partition: number): number
  partitions(): number[]
  /** Records received and unresolved, over all partitions. */
  readonly unresolvedCount: number
  /**
   * What there is to commit: all partitions with changes since the last acknowledged cut, at one moment. They belong
   * into one request, because a file's offsets lie in several partitions and must be recorded in all or in none.
   * Empty when nothing changed.
   */
  cut(): PartitionCut[]
  /** The same of all partitions, changed or not. */
  wholeCut(): PartitionCut[]
  /** Whether `cut` would be empty. */
  readonly isClean: boolean
  /** Notes that the broker acknowledged a cut; parts of an epoch that ended are ignored. */
  committed(cut: readonly PartitionCut[]): void
}

const NOTHING_COMMITTED = -1

export function ledger(): Ledger {
  const live = new Map<number, PartitionLedger>()
  let epochs = 0
  const owned = (partition: number): PartitionLedger => {
    const found = live.get(partition)
    if (!found) throw new Error(`partition ${partition} is not assigned`)
    return found
  }
  return {
    assign(partition, base, committed) {
      if (live.has(partition)) throw new Error(`partition ${partition} is assigned already`)
      live.set(partition, partitionLedger(partition, ++epochs, base, committed ?? NOTHING_COMMITTED))
      return epochs
    },
    revoke(partition) {
      owned(partition)
      live.delete(partition)
    },
    epoch: partition => live.get(partition)?.epoch,
    receive(partition, offset, owner) {
      const p = live.get(partition)
      if (!p || offset < p.position) return undefined
      return { partition, epoch: p.epoch, seq: p.receive(offset, owner) }
    },
    skipTo: (partition, offset) => owned(partition).skipTo(offset),
    resolve(receipt) {
      const p = live.get(receipt.partition)
      return p !== undefined && p.epoch === receipt.epoch && p.resolve(receipt.seq)
    },
    *unresolved(receipts) {
      for (const { partition, epoch, seq } of receipts) {
        const p = live.get(partition)
        const offset = p?.epoch === epoch ? p.offsetOf(seq) : undefined
        if (offset !== undefined) yield { partition, offset }
      }
    },
    touch: partition => live.get(partition)?.touch(),
    base: partition => owned(partition).base,
    position: partition => owned(partition).position,
    partitions: () => [...live.keys()],
    get unresolvedCount() {
      let sum = 0
      for (const p of live.values()) sum += p.unresolvedCount
      return sum
    },
    cut() {
      const dirty: PartitionCut[] = []
      for (const p of live.values()) if (p.isDirty) dirty.push(p.cut())
      return dirty
    },
    wholeCut: () => Array.from(live.values(), p => p.cut()),
    get isClean() {
      for (const p of live.values()) if (p.isDirty) return false
      return true
    },
    committed(cut) {
      for (const part of cut) {
        const p = live.get(part.partition)
        if (p?.epoch === part.epoch) p.committed(part)
      }
    },
  }
}

type PartitionLedger = ReturnType<typeof partitionLedger>

/** One partition in one epoch: a ring of the records from the first unresolved one on. */
function partitionLedger(partition: number, epoch: number, start: number, committedAtStart: number) {
  let position = start
  let committedBase = committedAtStart
  let changes = 0
  let committedChanges = 0
  let head = 0 // seq of the first unresolved record
  let tail = 0 // seq of the next record
  let unresolvedCount = 0
  let offsets = new Float64Array(64)
  let owners = new Int32Array(64)
  let resolved = new Uint8Array(64)

  const slot = (seq: number) => seq % offsets.length
  const base = () => (head === tail ? position : (offsets[slot(head)] as number))
  const grow = () => {
    const from = { offsets, owners, resolved, length: offsets.length }
    offsets = new Float64Array(from.length * 2)
    owners = new Int32Array(from.length * 2)
    resolved = new Uint8Array(from.length * 2)
    for (let seq = head; seq < tail; seq++) {
      offsets[slot(seq)] = from.offsets[seq % from.length] as number
      owners[slot(seq)] = from.owners[seq % from.length] as number
      resolved[slot(seq)] = from.resolved[seq % from.length] as number
    }
  }
  return {
    epoch,
    get base() {
      return base()
    },
    get position() {
      return position
    },
    get unresolvedCount() {
      return unresolvedCount
    },
    get isDirty() {
      return changes !== committedChanges || base() !== committedBase
    },
    receive(offset: number, owner: number): number {
      if (tail - head === offsets.length) grow()
      const at = slot(tail)
      offsets[at] = offset
      owners[at] = owner
      resolved[at] = 0
      position = offset + 1
      unresolvedCount++
      return tail++
    },
    skipTo(offset: number) {
      if (offset > position) position = offset
    },
    offsetOf: (seq: number) =>
      seq < head || seq >= tail || resolved[slot(seq)] === 1 ? undefined : (offsets[slot(seq)] as number),
    resolve(seq: number): boolean {
      if (seq < head || seq >= tail || resolved[slot(seq)] === 1) return false
      resolved[slot(seq)] = 1
      unresolvedCount--
      changes++
      while (head < tail && resolved[slot(head)] === 1) head++
      return true
    },
    touch() {
      changes++
    },
    committed(part: PartitionCut) {
      committedBase = part.base
      committedChanges = part.changes
    },
    cut: (): PartitionCut => ({
      partition,
      epoch,
      base: base(),
      position,
      changes,
      eachUnresolved(visit) {
        for (let seq = head; seq < tail; seq++) {
          const at = slot(seq)
          if (resolved[at] === 0) visit(offsets[at] as number, owners[at] as number)
        }
      },
    }),
  }
}
