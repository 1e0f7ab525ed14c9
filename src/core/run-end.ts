/** Whether a finite run (`--until-end`) has reached its goal. */

export interface PartitionProgress {
  /** Offset of the next record to read. */
  readonly position: number
  /** The partition's end offset when the run began. */
  readonly goal: number
  /**
   * The client reported the end of the partition after the goal was taken. It stands for `position` where the last
   * offsets hold no record (compaction, transaction markers).
   */
  readonly endSeen: boolean
}

/** Every partition was read up to its goal. Empty ones count as reached. */
export function reachedEnd(partitions: readonly PartitionProgress[]): boolean {
  return partitions.every(p => p.endSeen || p.position >= p.goal)
}
