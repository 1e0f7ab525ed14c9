/**
 * The threads that there are. Each of N places is a loop of awaits: a thread is started, loads the module, is set up, works
 * until it ends, and another takes its place. A module that was loaded anew gets N places of its own.
 */
import type { DfspError } from '../../base/errors.ts'
import { within } from '../../base/within.ts'
import { isEnvironmental, WHILE_STARTING } from '../../core/environment.ts'
import { faultLine } from '../../core/plugin-fault.ts'
import type { LoadedInfo, SetupMessage } from '../messages.ts'
import type { TaskQueue } from './task-queue.ts'
import { retire, send, type Thread, type Version } from './thread.ts'
import type { ThreadEnds } from './thread-ends.ts'
import { move } from './thread-state.ts'
import { addUnending } from './unending.ts'

export interface Pool {
  /** See `PluginHost`. */
  load(): Promise<LoadedInfo>
  start(settings: Omit<SetupMessage, 'type'>): Promise<void>
  reload(settingsOf: (info: LoadedInfo) => Promise<Omit<SetupMessage, 'type'>>): Promise<LoadedInfo>
  close(graceMs: number): Promise<void>
  readonly shortage: string | undefined
}

export interface PoolDeps {
  /** Those that may still have tasks, or say something. */
  readonly threads: ReadonlySet<Thread>
  /** All that are there in any way, those included that are of no more use. */
  readonly unended: Set<Thread>
  /** How many are to work at a time. */
  readonly count: number
  readonly tasks: TaskQueue
  readonly ends: ThreadEnds
  /** Starts one more, which is in `threads` and `unended` until it is gone. Throws where the system has no room for it. */
  begin(version: Version): Thread
  warn(thread: number, message: string): void
  onReady(): void
  onBroken(error: DfspError): void
}

/** A thread that cannot be started for want of something, or ends before it has done anything, is started again so often. */
const RETRY_MS = 10_000

/** What a thread may take to end once it has to, the programs that it waits for included. */
const END_MS = 2_500

/** What the rest of its output may take to be logged. */
const PRINT_MS = 15_000

/** And what is too much for that, to be counted. */
const COUNT_MS = 2_000

const LOOK_MS = 10

const NO_THREAD = 0

export function threadPool(deps: PoolDeps): Pool {
  const { threads, unended, tasks, ends } = deps
  let version: Version = { isOutdated: false }
  let settings: SetupMessage
  let first: Thread | undefined
  let isClosing = false
  /** Why the last thread that was to take a place could not be started, until one can be again. */
  let shortage: string | undefined
  /** What was told of last, and goes on. */
  let told: 'short' | 'idle' | undefined

  function begin(of: Version): Thread {
    if (isClosing) throw new Error('the plugin threads are closed')
    return deps.begin(of)
  }

  /** Resolves when a thread is ready for tasks. */
  async function setUp(thread: Thread, given: SetupMessage): Promise<void> {
    await thread.loaded.promise
    if (thread.state === 'loaded') {
      move(thread, 'setting-up')
      send(thread, given)
    }
    await thread.ready.promise
  }

  async function place(of: Version, begun?: Thread): Promise<void> {
    const isOver = () => isClosing || of.isOutdated
    for (let thread = begun; !isOver(); thread = undefined) {
      try {
        thread ??= begin(of)
        await setUp(thread, settings)
      } catch (error) {
        if (isOver()) return
        if (!isEnvironmental(error as Error, WHILE_STARTING)) return deps.onBroken(error as DfspError)
        const { message, facts = [] } = error as Partial<DfspError>
        const why = `no further plugin thread can be started: ${[message, ...facts].join(': ')}`
        await pause('short', why)
        continue
      }
      shortage = undefined
      if (told === 'short') told = undefined
      tasks.next()
      deps.onReady()
      const fault = await thread.over.promise
      if (thread.hasEndedTask) told = undefined
      else if (!isOver())
        await pause('idle', `a plugin thread ended while it had nothing to do: ${faultLine(fault)}`)
    }
  }

  /** Those that are there go on, and it is tried again. */
  async function pause(of: typeof told, why: string): Promise<void> {
    if (told !== of) deps.warn(NO_THREAD, `${why}; it is tried again every ${RETRY_MS / 1_000} s`)
    told = of
    shortage = why
    if (!hasThread()) tasks.takeBackQueued()
    await new Promise(resolve => setTimeout(resolve, RETRY_MS).unref())
  }

  function hasThread(): boolean {
    for (const { state } of threads) if (state !== 'ended') return true
    return false
  }

  function fill(begun: Thread): void {
    void place(version, begun)
    for (let others = deps.count - 1; others > 0; others--) void place(version)
  }

  function takeOver(newcomer: Thread, given: SetupMessage): void {
    version.isOutdated = true
    version = newcomer.version
    settings = given
    const old = [...threads].filter(thread => thread.version.isOutdated)
    for (const thread of old) {
      if (thread.state === 'idle') retire(thread)
      else if (thread.state === 'loading' || thread.state === 'loaded' || thread.state === 'setting-up')
        ends.end(thread, { message: 'the module was loaded anew', frames: [] })
    }
    for (const thread of old) if (thread.state === 'busy') tasks.takeBack(thread)
    fill(newcomer)
  }

  /** Attempts that were given up are over, or their threads are ended, in a moment. */
  async function stopped(): Promise<void> {
    for (const thread of threads)
      while (thread.state === 'stopping') await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }

  return {
    async load() {
      first = begin(version)
      return await first.loaded.promise
    },
    async start(given) {
      settings = { type: 'setup', ...given }
      // It may have ended once it was loaded.
      if (first === undefined || first.state === 'ended') first = begin(version)
      await setUp(first, settings)
      fill(first)
    },
    async reload(settingsOf) {
      const newcomer = begin({ isOutdated: false })
      try {
        const info = await newcomer.loaded.promise
        const given: SetupMessage = { type: 'setup', ...(await settingsOf(info)) }
        await setUp(newcomer, given)
        takeOver(newcomer, given)
        return info
      } catch (error) {
        ends.end(newcomer, { message: (error as Error).message, frames: [] })
        throw error
      }
    },
    async close(graceMs) {
      isClosing = true
      tasks.close()
      if (graceMs > 0) await stopped()
      const idle = [...threads].filter(({ state }) => state === 'idle')
      for (const thread of idle) retire(thread)
      await within(graceMs, Promise.all(idle.map(({ over }) => over.promise)))
      const left = [...unended]
      for (const thread of left) ends.end(thread, { message: 'dfsp is stopping', frames: [] })
      await within(END_MS, Promise.all(left.map(({ gone }) => gone)))
      const stuck = left.filter(({ worker }) => worker.threadId !== -1)
      addUnending(stuck.length)
      for (const thread of stuck) unended.delete(thread)
      await logged(left, unended, deps.warn)
      unended.clear()
    },
    get shortage() {
      return shortage === undefined || hasThread() ? undefined : shortage
    },
  }
}

/** Resolves when what they printed is logged; what of the `unended` is too much for that is counted. */
async function logged(
  threads: Iterable<Thread>,
  unended: Iterable<Thread>,
  warn: PoolDeps['warn'],
): Promise<void> {
  await within(PRINT_MS, allPrinted(unended))
  for (const thread of threads) thread.linesLeftOut = 0
  const late = [...unended]
  await within(COUNT_MS, allPrinted(late))
  for (const { number, linesLeftOut = 0 } of late) {
    const lines = linesLeftOut.toLocaleString('en-US')
    warn(number, `the rest of what the plugin printed is left out: ${lines} lines`)
  }
}

function allPrinted(threads: Iterable<Thread>): Promise<unknown> {
  return Promise.all(Array.from(threads, ({ printed }) => printed))
}
