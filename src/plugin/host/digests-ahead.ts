/** Which thread digests which file while that is still on its way: see processor/reading/digest-ahead.ts. */
import type { Source } from '../../core/source.ts'
import type { Task } from '../messages.ts'
import { send, type Thread } from './thread.ts'

export interface DigestsAhead {
  /** See `PluginHost.digestAhead`. */
  digest(key: number, from: number, source: () => Source): boolean
  /** The thread that has begun to digest the file of a task. */
  begunBy(task: Task): Thread | undefined
  /** The file that was digested ahead under this key does not come, or has come. */
  forget(key: number): void
}

/** Parts ahead that a thread has at a time: a file that becomes whole waits for them. */
const MOST_PARTS = 2

export function digestsAhead(threads: ReadonlySet<Thread>): DigestsAhead {
  return {
    digest(key, from, source) {
      for (const thread of threads) {
        if (thread.ahead !== (from === 0 ? undefined : key)) continue
        if (thread.state !== 'idle' || thread.partsAhead >= MOST_PARTS) continue
        thread.ahead = key
        thread.partsAhead++
        send(thread, { type: 'digest', key, from, source: source() })
        return true
      }
      return false
    },
    begunBy(task) {
      const key = task.kind === 'process' ? task.file.ahead : undefined
      if (key !== undefined) for (const thread of threads) if (thread.ahead === key) return thread
      return undefined
    },
    forget(key) {
      for (const thread of threads) if (thread.ahead === key) thread.ahead = undefined
    },
  }
}
