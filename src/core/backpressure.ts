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
  /** How full the fullest commit record is: at 1 nothing more fits. */
  readonly recordFill: number
  /** Nothing is to be read, whatever the memory. */
  readonly stopped: boolean
  /** The disk takes nothing. */
  readonly diskFull: boolean
}

const HIGH = 0.8
const LOW = 0.5

export function nextFlow(current: Flow, load: Load): Flow {
  const { memoryBytes, queuedBytes, queuedFiles, recordFill } = load
  const high = load.budgetBytes * HIGH
  const low = load.budgetBytes * LOW
  if (load.stopped) return 'pause'
  // Files that end make the record smaller; where none can end, only reading on makes some whole.
  if (recordFill > HIGH && queuedFiles > 0) return 'pause'
  const spool = load.diskFull ? 'pause' : 'spool'
  switch (current) {
    case 'flow':
      if (queuedBytes >= high) return 'pause'
      if (memoryBytes < high) return 'flow'
      return queuedFiles > 0 ? 'pause' : spool
    case 'pause':
      if (queuedFiles === 0) return memoryBytes < low ? 'flow' : spool
      return memoryBytes < low && queuedBytes < low && recordFill < LOW ? 'flow' : 'pause'
    case 'spool':
      if (queuedBytes >= high) return 'pause'
      return memoryBytes < low ? 'flow' : spool
  }
}

/** Bytes of memory down to which files are evicted where nothing else can free it, and up to which they come back. */
export function lowMark(budgetBytes: number): number {
  return budgetBytes * LOW
}

/** Bytes of memory at which reading pauses or chunks go to disk. */
export function highMark(budgetBytes: number): number {
  return budgetBytes * HIGH
}
