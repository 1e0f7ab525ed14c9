/**
 * Where the tests break the process on purpose; below everything else, and does nothing unless
 * DFSP_FAULT is set: `point`, `point:n` or `point:n:stop`. At the n-th passage of the point (default: the first;
 * each thread counts for itself) the process is killed as by `kill -9`, or stopped until SIGCONT.
 */
export type FaultPoint =
  /** Offsets are about to be committed. */
  | 'before-commit'
  /** The commit was handed to the client, no answer is here. */
  | 'commit-sent'
  /** The broker has answered the commit, nobody has heard of it. */
  | 'after-commit'
  /** A dead letter was handed to the client, or was acknowledged and nobody has heard of it. */
  | 'dead-letter-sent'
  | 'dead-letter-acked'
  /** Of a copy: a record was handed to the client, in a round that is open; the round is about to end. */
  | 'copied'
  | 'before-round-end'
  /** A chunk, or a part of a whole file, is about to be written to disk. */
  | 'disk-write'
  /** A whole file, written and synced, is about to get its final name; or has just got it. */
  | 'before-rename'
  | 'after-rename'
  /** An entry of the journal is about to be written, or was synced. */
  | 'journal-append'
  | 'journal-synced'

const [chosen, count = '1', then] = (process.env.DFSP_FAULT ?? '').split(':')
let left = Number(count)

export function faultPoint(here: FaultPoint): void {
  if (here !== chosen || --left !== 0) return
  process.kill(process.pid, then === 'stop' ? 'SIGSTOP' : 'SIGKILL')
}
