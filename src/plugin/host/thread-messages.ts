/** What a thread says, and what follows from it. */
import { E_ENVIRONMENT, isEnvironmental } from '../../core/environment.ts'
import { cutText } from '../../core/text/shown-text.ts'
import { entryTaken } from '../log-flow.ts'
import type { FromThread, Refusal } from '../messages.ts'
import type { OutgoingRecord } from '../plugin.ts'
import type { FifoLock } from './lock.ts'
import { loadError } from './start-errors.ts'
import type { TaskQueue } from './task-queue.ts'
import { endThread, send, type Thread } from './thread.ts'
import type { ThreadEnds } from './thread-ends.ts'
import { move } from './thread-state.ts'

export interface ThreadMessagesDeps {
  readonly pluginName: string
  /** Milliseconds of user code per file; undefined = no limit. */
  readonly timeoutMs: number | undefined
  readonly produce: (record: OutgoingRecord) => Promise<void>
  readonly log: (entry: Extract<FromThread, { type: 'log' }> & { readonly thread: number }) => void
  readonly tasks: TaskQueue
  readonly lock: FifoLock
  readonly ends: ThreadEnds
}

export function threadMessages(deps: ThreadMessagesDeps): (thread: Thread, message: FromThread) => void {
  const { pluginName, timeoutMs, tasks, lock, ends } = deps

  async function produce(thread: Thread, request: number, record: OutgoingRecord): Promise<void> {
    let refusal: Refusal | undefined
    try {
      await deps.produce(record)
    } catch (thrown) {
      const message = cutText((thrown as Error).message)
      refusal = isEnvironmental(thrown as Error) ? { message, code: E_ENVIRONMENT } : { message }
    }
    if (thread.state !== 'ended')
      send(thread, { type: 'produced', request, ...(refusal === undefined ? {} : { refusal }) })
  }

  /** Its time begins where its user code does. */
  function started(thread: Thread, id: number): void {
    if (timeoutMs === undefined || thread.state !== 'busy' || thread.assigned[0]?.id !== id) return
    clearTimeout(thread.timer)
    thread.timer = setTimeout(() => ends.giveUp(thread, `timed out after ${timeoutMs / 1000} s`), timeoutMs)
  }

  return (thread, message) => {
    const { state } = thread
    if (state === 'ended' && message.type !== 'log') return
    switch (message.type) {
      case 'begun':
        thread.systemNumber = message.thread
        return
      case 'loaded':
        if (state !== 'loading') return ends.foreign(thread)
        move(thread, 'loaded')
        thread.loaded.resolve(message)
        return
      case 'load-failed':
        if (state !== 'loading') return ends.foreign(thread)
        ends.end(thread, message.fault, loadError(pluginName, message))
        return
      case 'ready':
        if (state !== 'setting-up') return ends.foreign(thread)
        move(thread, 'idle')
        thread.ready.resolve()
        return
      case 'setup-failed':
        if (state !== 'setting-up') return ends.foreign(thread)
        ends.end(thread, message.fault)
        return
      case 'started':
        started(thread, message.id)
        return
      case 'digested':
        thread.partsAhead = Math.max(0, thread.partsAhead - 1)
        return
      case 'results':
        tasks.told(thread, message.results)
        return
      case 'log':
        deps.log({ ...message, thread: thread.number })
        entryTaken(thread.logFlow)
        return
      case 'lock':
        lock.request(thread.number, message.request)
        return
      case 'unlock':
        lock.release(thread.number, message.request)
        return
      case 'produce':
        void produce(thread, message.request, message.record)
        return
      case 'stray-error':
        ends.stray(thread, message.fault)
        return
      case 'torn-down':
        if (state === 'retired') endThread(thread)
    }
  }
}
