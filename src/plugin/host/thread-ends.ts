/** How a thread comes to its end, or to the end of an attempt that lasts too long; what that means for its tasks. */
import type { DfspError } from '../../base/errors.ts'
import { faultLine, type PluginFault } from '../../core/plugin-fault.ts'
import { type FileJob, PORT_CLOSED, type Task } from '../messages.ts'
import type { FifoLock } from './lock.ts'
import { exitError, startError } from './start-errors.ts'
import type { TaskQueue } from './task-queue.ts'
import { endThread, send, type Thread } from './thread.ts'
import { move } from './thread-state.ts'

export interface ThreadEnds {
  /** Ends a thread; its task, if it has one, has failed. `error` is for who waits for it to load, or to be ready. */
  end(thread: Thread, fault: PluginFault, error?: DfspError): void
  /** Asks user code to stop, if it is at one of these files; whatever it still answers, the attempt has failed. */
  giveUp(thread: Thread, reason: string, of?: ReadonlySet<FileJob>): void
  /** Whoever posts on the port of the thread may as well have forged what dfsp would say there. */
  foreign(thread: Thread): void
  /** User code threw outside the awaited call: during a task, which it costs an attempt, or between two, which is the fault of neither. */
  stray(thread: Thread, fault: PluginFault): void
  /** The thread is gone. */
  exited(thread: Thread, code: number): void
}

export interface ThreadEndsDeps {
  readonly pluginName: string
  readonly tasks: TaskQueue
  readonly lock: FifoLock
  warn(thread: number, message: string): void
}

const FOREIGN =
  "posted a message of its own on parentPort, which is dfsp's: use a MessageChannel, or Worker threads of your own"

/** After a time-out user code has this long to end by itself before its thread is ended. */
const ABORT_GRACE_MS = 1_000

export function threadEnds({ pluginName, tasks, lock, warn }: ThreadEndsDeps): ThreadEnds {
  function end(
    thread: Thread,
    fault: PluginFault,
    error: DfspError = startError(pluginName, thread.state, fault),
  ): void {
    if (thread.state === 'ended') return
    move(thread, 'ended')
    clearTimeout(thread.timer)
    thread.loaded.reject(error)
    thread.ready.reject(error)
    thread.over.resolve(fault)
    lock.forget(thread.number)
    tasks.drop(thread, fault)
    endThread(thread)
  }

  return {
    end,
    giveUp(thread, reason, of) {
      const begun = tasks.leaveBegun(thread, of)
      if (begun === undefined) return
      const { id, task, answer } = begun
      if (task.kind !== 'process') warn(thread.number, `${hookOf(task)} failed: ${reason}`)
      const fault = faultOf(reason)
      send(thread, { type: 'abort', id, reason })
      thread.assigned[0] = {
        ...begun,
        answer: ended =>
          answer({ kind: 'failed', fault, hookCalled: ended.kind === 'failed' && ended.hookCalled }),
      }
      clearTimeout(thread.timer)
      thread.timer = setTimeout(() => end(thread, fault), ABORT_GRACE_MS)
    },
    foreign: thread => end(thread, faultOf(FOREIGN)),
    stray(thread, fault) {
      // Of one that has ended no task the pool tells.
      if (thread.state !== 'loading' && tasks.putBack(thread) && thread.hasEndedTask)
        warn(thread.number, `failed outside any call: ${faultLine(fault)}`)
      end(thread, fault)
    },
    exited(thread, code) {
      const fault = thread.failure ?? faultOf(exitText(code))
      end(thread, fault, thread.state === 'loading' ? exitError(pluginName, thread.failure, code) : undefined)
    },
  }
}

function hookOf({ kind }: Task): string {
  return kind === 'examine' ? 'onMismatch' : kind
}

function faultOf(message: string): PluginFault {
  return { message, frames: [] }
}

function exitText(code: number): string {
  return code === PORT_CLOSED ? 'the plugin closed parentPort' : `the plugin called process.exit(${code})`
}
