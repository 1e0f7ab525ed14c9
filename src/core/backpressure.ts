/**
 * When to read, when to pause and when to put new chunks on disk, from how full memory is.
 *
 * - `flow`: read, chunks go to memory.
 * - `pause`: read nothing: complete files wait for the plugin, and will free memory.
 * - `spool`: read, chunks go to disk: memory is full of files that are not complete, so pausing would wait for ever.
 *
 * It begins at 80 % of the budget and ends below 50 %, since a pause throws away what the client has prefetched.
 */
export type Flow = 'flow' | 'pause' | 'spool'

export interface Load {
  /** Bytes of memory that files occupy. */
  readonly memoryBytes: number
  /** Bytes of complete files, in memory or on disk, that the plugin has not finished. */
  readonly queuedBytes: number
  /** Number of those files. */
  readonly queuedFiles: number
  readonly budgetBytes: number
}

const HIGH = 0.8
const LOW = 0.5

export function nextFlow(current: Flow, load: Load): Flow {
  const high = load.budgetBytes * HIGH
  const low = load.budgetBytes * LOW
  switch (current) {
    case 'flow':
      if (load.queuedBytes >= high) return 'pause'
      if (load.memoryBytes < high) return 'flow'
      return load.queuedFiles > 0 ? 'pause' : 'spool'
    case 'pause':
      if (load.queuedFiles === 0) return load.memoryBytes < low ? 'flow' : 'spool'
      return load.memoryBytes < low && load.queuedBytes < low ? 'flow' : 'pause'
    case 'spool':
      if (load.queuedBytes >= high) return 'pause'
      return load.memoryBytes < low ? 'flow' : 'spool'
  }
}
