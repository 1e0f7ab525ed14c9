/**
 * The plugin host: N threads that verify and process whole files. It owns the threads and nothing else; a thread
 * that throws, exits, hangs or runs out of memory costs its task one attempt and is replaced.
 */

import type { DfspError } from '../../base/errors.ts'
import { E_ENVIRONMENT, isEnvironmental } from '../../core/environment.ts'
import { faultLine, type PluginFault } from '../../core/plugin-fault.ts'
import type { Source } from '../../core/source.ts'
import { cutText } from '../../core/text/shown-text.ts'
import { entryTaken, newLogFlow } from '../log-flow.ts'
import {
  type FromThread,
  PORT_CLOSED,
  type Refusal,
  type SetupMessage,
  type Task,
  type ThreadData,
} from '../messages.ts'
import type { OutgoingRecord, PluginOptions } from '../plugin.ts'
import { signalPrograms } from './blocking-programs.ts'
import { type FifoLock, fifoLock } from './lock.ts'
import { exitError, loadError, setupError } from './start-errors.ts'
import { taskQueue } from './task-queue.ts'
import { type Ended, endThread, send, startThread, type Thread } from './thread.ts'
import { addUnending } from './unending.ts'

export interface HostDeps {
  /** `file:` URL of the plugin's module. */
  readonly pluginUrl: string
  /** How the plugin is called in messages: as the user wrote it. */
  readonly pluginName: string
  readonly threads: number
  /** Milliseconds of user code per file; undefined = no limit. */
  readonly timeoutMs: number | undefined
  readonly segments: () => readonly SharedArrayBuffer[]
  readonly pageBytes: number
  readonly produce: (record: OutgoingRecord) => Promise<void>
  readonly log: (entry: Extract<FromThread, { type: 'log' }> & { readonly thread: number }) => void
  /** A replacement for a dead thread could not be started: no further task will be answered. */
  readonly onBroken: (error: DfspError) => void
  /** A thread is ready that was not there before: it may be in the place of one that has ended. */
  readonly onReady?: () => void
  /** The thread's program; tests name the compiled one. */
  readonly workerUrl?: URL
}

export interface LoadedInfo {
  readonly options: PluginOptions
  readonly hooks: readonly string[]
  readonly warnings: readonly string[]
}

export interface PluginHost {
  /** Loads the plugin in a first thread and tells what it exports. Throws a DfspError that says what is wrong. */
  load(): Promise<LoadedInfo>
  /**
   * Runs the plugin's `setup` in the first thread; once that went well all others are started, too, which is not
   * waited for: there is only so much processor to share, and the first can begin.
   */
  start(settings: Omit<SetupMessage, 'type'>): Promise<void>
  /**
   * Runs a task in the first thread that is free, or gives it to one ahead of time where tasks end so fast that the
   * way there and back would count. Never rejects.
   */
  run(task: Task): Promise<Ended>
  /** Tasks that threads would take now. */
  readonly free: number
  /**
   * Loads the module anew. `settingsOf` hears what it exports now. Once `setup` has run in a first new thread, new
   * threads take over and old ones finish their file; if anything goes wrong before, all stays as it is, and it
   * rejects with a DfspError that says what.
   */
  reload(settingsOf: (info: LoadedInfo) => Promise<Omit<SetupMessage, 'type'>>): Promise<LoadedInfo>
  /**
   * Digests the next part of a file of which more is to come, in a thread that has nothing to do; `run` of that file
   * goes on in the same thread if it is free then. False when there is no such thread now, or this part does not follow.
   * `key` names the file, `from` is the byte at which the part begins.
   */
  digestAhead(key: number, from: number, source: () => Source): boolean
  /** The file will not come. */
  forgetDigest(key: number): void
  /** Files that were given ahead of time and are not begun are answered as `recalled`. */
  recall(): void
  /** Makes memory known that was added to the arena. */
  addSegment(buffer: SharedArrayBuffer): void
  /** Kills the programs that user code has started, for a process that ends at once. */
  killPrograms(): void
  /** Aborts running tasks: their signal fires; those that do not end by themselves end with their thread. */
  abort(reason: string): void
  /**
   * Ends all threads: each may run `teardown` for `graceMs`. Resolves when they are gone and what they printed is logged,
   * and a little later where one cannot be ended: see unending.ts.
   */
  close(graceMs: number): Promise<void>
}

/** Parts ahead that a thread has at a time: a file that becomes whole waits for them. */
const MOST_PARTS = 2

/** What a thread may take to end once it has to, the programs that it waits for included. */
const END_MS = 2_500

/** What the rest of its output may take to be logged. */
const PRINT_MS = 15_000

const FOREIGN =
  "posted a message of its own on parentPort, which is dfsp's: use a MessageChannel, or Worker threads of your own"

/** What the `teardown` of a module that was loaded anew may take. */
const RETIRE_MS = 5_000

/** After a time-out user code has this long to end by itself before its thread is ended. */
const ABORT_GRACE_MS = 1_000
const LOOK_MS = 10

export function pluginHost(deps: HostDeps): PluginHost {
  const threads = new Set<Thread>()
  /** All that are there in any way, those included that are of no more use. */
  const unended = new Set<Thread>()
  const tasks = taskQueue({
    threads,
    most: deps.threads,
    isCurrent: thread => thread.generation === generation,
    onIdle: becomeIdle,
  })
  let settings: SetupMessage | undefined
  let threadNumbers = 0
  let closing = false
  let generation = 0
  /** The first thread of the module that is being loaded anew. */
  let newcomer:
    | {
        readonly thread: Thread
        loaded(info: LoadedInfo): void
        ready(): void
        reject(error: DfspError): void
      }
    | undefined
  let firstLoaded: { resolve(info: LoadedInfo): void; reject(error: DfspError): void } | undefined
  let started: { resolve(): void; reject(error: DfspError): void } | undefined
  let onTornDown: ((thread: Thread) => void) | undefined
  const lock: FifoLock = fifoLock((number, request) => {
    const holder = [...threads].find(t => t.number === number)
    if (holder) send(holder, { type: 'lock-granted', request })
  })

  function addThread(ofGeneration = generation): Thread {
    const data: ThreadData = {
      plugin: deps.pluginUrl,
      segments: deps.segments(),
      pageBytes: deps.pageBytes,
      claims: tasks.claims,
      logFlow: newLogFlow(),
      isTimed: deps.timeoutMs !== undefined,
    }
    const program = deps.workerUrl ?? new URL('../worker/worker.js', import.meta.url)
    const thread = startThread(
      program,
      data,
      { number: ++threadNumbers, generation: ofGeneration },
      {
        onMessage,
        onForeignMessage,
        onExit,
        onLine: (from, message) => log(from, 'info', message),
      },
    )
    threads.add(thread)
    unended.add(thread)
    void thread.printed.then(() => unended.delete(thread))
    return thread
  }

  function log(thread: Thread, level: 'info' | 'warn', message: string): void {
    deps.log({ type: 'log', level, message, fields: {}, thread: thread.number })
  }

  function onMessage(thread: Thread, message: FromThread): void {
    if (thread.state === 'ended' && message.type !== 'log') return
    switch (message.type) {
      case 'begun':
        thread.systemNumber = message.thread
        return
      case 'loaded':
        if (thread.state !== 'loading') return onForeignMessage(thread)
        thread.state = 'loaded'
        if (thread === newcomer?.thread) return newcomer.loaded(message)
        firstLoaded?.resolve(message)
        if (settings) setUp(thread)
        return
      case 'load-failed':
        if (thread.state !== 'loading') return onForeignMessage(thread)
        bootFailed(thread, loadError(deps.pluginName, message))
        return
      case 'setup-failed':
        if (thread.state !== 'setting-up') return onForeignMessage(thread)
        bootFailed(thread, setupError(deps.pluginName, message.fault))
        return
      case 'ready':
        if (thread.state !== 'setting-up') return onForeignMessage(thread)
        thread.state = 'idle'
        if (thread === newcomer?.thread) newcomer.ready()
        started?.resolve()
        tasks.next()
        deps.onReady?.()
        return
      case 'started':
        if (deps.timeoutMs === undefined || thread.assigned[0]?.id !== message.id) return
        clearTimeout(thread.timer)
        thread.timer = setTimeout(() => timedOut(thread), deps.timeoutMs)
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
        strayError(thread, message.id, message.fault)
        return
      case 'torn-down':
        onTornDown?.(thread)
        if (thread.state === 'retired') endThread(thread)
    }
  }

  function setUp(thread: Thread): void {
    thread.state = 'setting-up'
    send(thread, settings as SetupMessage)
  }

  function becomeIdle(thread: Thread): void {
    thread.state = 'idle'
    if (thread.generation < generation) retire(thread)
  }

  function retire(thread: Thread): void {
    thread.state = 'retired'
    thread.timer = setTimeout(() => endThread(thread), RETIRE_MS)
    send(thread, { type: 'teardown' })
  }

  /** The newcomer is ready: threads of its module take over. */
  function takeOver(): void {
    generation++
    for (const thread of threads) {
      if (thread.generation === generation) continue
      if (thread.state === 'idle') retire(thread)
      else if (thread.state === 'busy') tasks.takeBack(thread)
      else if (thread.state !== 'retired') end(thread, 'the module was loaded anew')
    }
    for (let count = 1; count < deps.threads; count++) addThread()
  }

  function timedOut(thread: Thread): void {
    giveUp(thread, `timed out after ${(deps.timeoutMs as number) / 1000} s`)
  }

  /** Asks user code to stop; whatever it still answers, the attempt has failed. */
  function giveUp(thread: Thread, reason: string): void {
    tasks.finishDone(thread)
    if (thread.assigned.length === 0) return
    thread.ending = reason
    tasks.takeBack(thread)
    const [assignment] = thread.assigned
    if (!assignment) return
    send(thread, { type: 'abort', id: assignment.id, reason })
    const answer = assignment.answer
    const fault = { message: reason, frames: [] }
    thread.assigned[0] = {
      ...assignment,
      answer: ended =>
        answer({ kind: 'failed', fault, hookCalled: ended.kind === 'failed' && ended.hookCalled }),
    }
    clearTimeout(thread.timer)
    thread.timer = setTimeout(() => end(thread, reason), ABORT_GRACE_MS)
  }

  /** Whoever posts on the port of the thread may as well have forged what dfsp would say there. */
  function onForeignMessage(thread: Thread): void {
    if (thread.state !== 'ended') unfit(thread, { message: FOREIGN, frames: [] })
  }

  /** A thread cannot be used any more: the fault of its task, or of its module where that has not begun yet. */
  function unfit(thread: Thread, fault: PluginFault): void {
    if (thread.state !== 'loading') return end(thread, fault)
    bootFailed(thread, loadError(deps.pluginName, { what: 'failed while it was imported', fault }))
  }

  /** User code failed aside: during task `id`, or between two tasks, which is the fault of neither. */
  function strayError(thread: Thread, id: number | undefined, fault: PluginFault): void {
    if (thread.state === 'loading') return unfit(thread, fault)
    if (id === undefined || thread.assigned[0]?.id !== id) {
      log(thread, 'warn', `failed outside any call: ${faultLine(fault)}`)
      tasks.putBack(thread, 0)
    }
    end(thread, fault)
  }

  /** Ends a thread; its task, if it has one, has failed. */
  function end(thread: Thread, why: string | PluginFault): void {
    const fault = typeof why === 'string' ? { message: why, frames: [] } : why
    settleDead(thread, fault)
    endThread(thread)
  }

  function onExit(thread: Thread, code: number): void {
    if (thread.state === 'loading') bootFailed(thread, exitError(deps.pluginName, thread.ending, code))
    settleDead(thread, { message: thread.ending ?? exitText(code), frames: [] })
    threads.delete(thread)
    onTornDown?.(thread)
  }

  function settleDead(thread: Thread, fault: PluginFault): void {
    if (thread.state === 'ended') return
    const wasBooting = thread.state === 'setting-up' || thread === newcomer?.thread
    clearTimeout(thread.timer)
    thread.state = 'ended'
    tasks.finishDone(thread)
    lock.forget(thread.number)
    if (wasBooting) broken(thread, setupError(deps.pluginName, fault))
    else if (!closing && settings && thread.generation === generation) addThread()
    tasks.putBack(thread, 1)
    tasks.finish(thread, { kind: 'failed', fault, hookCalled: false })
  }

  function bootFailed(thread: Thread, error: DfspError): void {
    thread.state = 'ended'
    endThread(thread)
    broken(thread, error)
  }

  function broken(thread: Thread, error: DfspError): void {
    if (thread === newcomer?.thread) return newcomer.reject(error)
    // A replacement was ended while it was starting.
    if (closing || thread.generation !== generation) return
    if (firstLoaded) firstLoaded.reject(error)
    if (started) started.reject(error)
    else if (!firstLoaded) deps.onBroken(error)
    firstLoaded = started = undefined
  }

  /** Attempts that were given up are over, or their threads are ended, in a moment: see `giveUp`. */
  async function leavingEnded(): Promise<void> {
    for (const thread of threads)
      while (thread.state === 'busy' && thread.ending !== undefined)
        await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }

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

  return {
    load: () =>
      new Promise((resolve, reject) => {
        firstLoaded = {
          resolve(info) {
            firstLoaded = undefined
            resolve(info)
          },
          reject,
        }
        addThread()
      }),
    start: given =>
      new Promise((resolve, reject) => {
        started = {
          resolve() {
            started = undefined
            while (threads.size < deps.threads) addThread()
            resolve()
          },
          reject,
        }
        settings = { type: 'setup', ...given }
        for (const thread of threads) if (thread.state === 'loaded') setUp(thread)
        if (![...threads].some(({ state }) => state !== 'ended')) addThread()
      }),
    run: tasks.add,
    get free() {
      return tasks.free
    },
    reload: settingsOf =>
      new Promise((resolve, reject) => {
        let info: LoadedInfo
        let renewed: SetupMessage
        newcomer = {
          thread: addThread(generation + 1),
          loaded(given) {
            info = given
            const { thread } = newcomer as NonNullable<typeof newcomer>
            settingsOf(info).then(
              chosen => {
                if (thread.state !== 'loaded') return
                renewed = { type: 'setup', ...chosen }
                thread.state = 'setting-up'
                send(thread, renewed)
              },
              (error: DfspError) => bootFailed(thread, error),
            )
          },
          ready() {
            newcomer = undefined
            settings = renewed
            takeOver()
            resolve(info)
          },
          reject(error) {
            newcomer = undefined
            reject(error)
          },
        }
      }),
    digestAhead(key, from, source) {
      for (const thread of threads) {
        if (thread.ahead !== (from === 0 ? undefined : key)) continue
        if (thread.state !== 'idle' || thread.generation !== generation || thread.partsAhead >= MOST_PARTS)
          continue
        thread.ahead = key
        thread.partsAhead++
        send(thread, { type: 'digest', key, from, source: source() })
        return true
      }
      return false
    },
    forgetDigest: tasks.forgetDigest,
    recall() {
      tasks.takeBackQueued()
      for (const thread of threads) if (thread.state === 'busy') tasks.takeBack(thread)
    },
    addSegment(buffer) {
      for (const thread of threads) if (thread.state !== 'ended') send(thread, { type: 'segment', buffer })
    },
    killPrograms() {
      for (const { systemNumber } of unended)
        if (systemNumber !== undefined) signalPrograms(systemNumber, 'SIGKILL')
    },
    abort(reason) {
      for (const thread of threads) if (thread.state === 'busy') giveUp(thread, reason)
    },
    async close(graceMs) {
      closing = true
      if (graceMs > 0) await leavingEnded()
      const idle = [...threads].filter(t => t.state === 'idle')
      await new Promise<void>(resolve => {
        const left = new Set(idle)
        const timer = setTimeout(resolve, graceMs)
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        onTornDown = thread => {
          left.delete(thread)
          if (left.size === 0) done()
        }
        for (const thread of idle) send(thread, { type: 'teardown' })
        if (left.size === 0) done()
      })
      onTornDown = undefined
      const left = [...unended]
      for (const thread of left) endThread(thread)
      await within(END_MS, Promise.all(left.map(({ gone }) => gone)))
      const isThere = ({ worker }: Thread) => worker.threadId !== -1
      addUnending(left.filter(isThere).length)
      for (const thread of left) if (isThere(thread)) unended.delete(thread)
      await within(PRINT_MS, Promise.all([...unended].map(({ printed }) => printed)))
      for (const thread of unended) log(thread, 'warn', 'the rest of what the plugin printed is left out')
      unended.clear()
    },
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

function exitText(code: number): string {
  return code === PORT_CLOSED ? 'the plugin closed parentPort' : `the plugin called process.exit(${code})`
}
