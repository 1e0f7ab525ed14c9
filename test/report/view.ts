/** A run to look at, that stands as the test says. */
import type { RunView } from '../../src/report/monitor/run-view.ts'
import type { RunIdentity } from '../../src/report/monitor/status.ts'

export const identity: RunIdentity = {
  topic: 'xrd',
  group: 'dfsp.plot.xrd',
  plugin: 'plot',
  threads: 4,
  mode: 'memory',
  brokers: 'lab1:9092',
  host: 'lab2',
  pid: 4711,
  version: '1.2.3',
}

export function viewOf(changes: Partial<RunView> = {}): RunView {
  return {
    stats: () => ({
      done: 3,
      failed: 1,
      assembling: 1,
      largest: undefined,
      queued: 2,
      running: [{ path: 'run.dat', ms: 1_500 }],
      doneBytes: 3_000,
      receivedBytes: 5_000,
      memoryBytes: 2_000,
      lag: 7,
      progress: undefined,
      flow: 'flow',
      broker: 'ok',
      seconds: 10,
    }),
    notReady: () => undefined,
    notConsuming: () => undefined,
    partitions: () => [
      { partition: 0, committed: 4, position: 9, end: 16 },
      { partition: 1, committed: undefined, position: 0, end: 0 },
    ],
    sharing: () => undefined,
    files: () => [
      {
        path: 'run.dat',
        state: 'running',
        chunks: 2,
        total: 2,
        attempts: 1,
        openMs: 3_000,
        idleMs: 2_000,
        runningMs: 1_500,
      },
      {
        path: 'part.dat',
        state: 'assembling',
        chunks: 1,
        total: 4,
        attempts: 0,
        openMs: 61_000,
        idleMs: 60_000,
        runningMs: undefined,
      },
    ],
    fileCounts: () => ({ assembling: 1, queued: 2, running: 1, held: 1 }),
    counts: () => ({
      records: 9,
      doneBytes: 3_000,
      receivedBytes: 5_000,
      commits: 5,
      failedCommits: 2,
      ledgerChars: 812,
      memoryLimit: 512,
      done: 3,
      failed: 1,
      mismatched: 0,
      skipped: 0,
      deadLettered: 0,
      undecodable: 6,
      duplicates: 0,
    }),
    refresh: async () => {},
    ...changes,
  }
}
