/**
 * The plugin host: N threads that verify and process whole files. A thread that throws, exits, hangs or runs out of memory
 * costs its task one attempt and is replaced.
 *
 * How host and threads work together; messages.ts has every message, thread-state.ts the states of a thread.
 *
 * - **Beginning** (pool.ts). The first thread loads the module and says what it exports; once the settings are known it is
 *   sent them and runs `setup`; once that went well all others do the same. A thread that ends is replaced. One that cannot
 *   be loaded ends the run where that is the plugin's fault; for want of files or memory it is tried again, and with no
 *   thread left nothing is processed meanwhile.
 * - **Tasks** (task-queue.ts). The host offers tasks to threads, a thread does its offers in order. Where tasks take less
 *   than the way there and back it is offered some ahead (tasks-ahead.ts). So each offer has a slot in shared memory
 *   (claims.ts): the thread claims it when it begins, the host claims it to take it back, and whoever comes second leaves it
 *   alone. A file that is taken back is answered as `recalled`; a hook waits for another thread.
 * - **Answers** (worker/to-host.ts). Answers of short tasks come many to a message, so the thread marks what is done in
 *   the slot as well: finished work counts even if the thread then hangs, or ends. An answer that is not the one of the
 *   thread's first task counts for nothing.
 * - **Time** (thread-ends.ts). The time of a file, and of a hook, begins when the thread says `started`. A thread that is given
 *   up is told `abort`, and ended where it does not answer soon. What else ends threads is there, too.
 * - **Files ahead** (digests-ahead.ts). A thread without a task digests parts of a file that is not whole yet. `run` offers the
 *   whole to the same thread, if it is free then; another digests from the first byte.
 * - **Beside that** (thread-messages.ts) a thread logs (log-flow.ts), takes the lock that all threads share (lock.ts) and
 *   produces records, and waits for the answer each time.
 * - **Anew** (pool.ts). A module that is loaded anew gets threads of its own, and takes over when `setup` has run in the first.
 *   Those of before finish the task that they have begun, run `teardown` and end; one that was not ready yet is ended.
 * - **Closing** (pool.ts). Nothing more is given out. If there is a grace, attempts that were given up get their moment to
 *   end, and then idle threads run `teardown` that long. All that are left are ended, and what they were doing has failed.
 *
 * User code runs in the same threads and can post whatever it likes. A thread is ended for what has not the right form
 * (checked-message.ts), and for saying that it is loaded or ready, or cannot be, when it was not asked to.
 */

import type { DfspError } from '../../base/errors.ts'
import type { Source } from '../../core/source.ts'
import { newLogFlow } from '../log-flow.ts'
import type { FileJob, FromThread, LoadedInfo, SetupMessage, Task } from '../messages.ts'
import type { OutgoingRecord } from '../plugin.ts'
import { signalPrograms } from './blocking-programs.ts'
import { digestsAhead } from './digests-ahead.ts'
import { fifoLock } from './lock.ts'
import { threadPool } from './pool.ts'
import { taskQueue } from './task-queue.ts'
import { type Ended, type StartThread, send, type Thread, threadsOf, type Version } from './thread.ts'
import { threadEnds } from './thread-ends.ts'
import { threadMessages } from './thread-messages.ts'

export type { LoadedInfo }

export interface HostDeps {
  /** `file:` URL of the plugin's module. */
  readonly pluginUrl: string
  /** How the plugin is called in messages: as the user wrote it. */
  readonly pluginName: string
  readonly threads: number
  /** Milliseconds of user code per file, and per call of a hook; undefined = no limit. */
  readonly timeoutMs: number | undefined
  readonly segments: () => readonly SharedArrayBuffer[]
  readonly pageBytes: number
  readonly produce: (record: OutgoingRecord) => Promise<void>
  readonly log: (entry: Extract<FromThread, { type: 'log' }> & { readonly thread: number }) => void
  /** A thread in the place of another cannot be started, which is the plugin's fault: it stays out. */
  readonly onBroken: (error: DfspError) => void
  /** A thread is ready that was not there before: it may be in the place of one that has ended. */
  readonly onReady?: () => void
  /** Tests name the compiled program, or have none. */
  readonly startThread?: StartThread
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
  /** Why there is no thread, and none can be started for want of files, memory or processes: it is tried again. */
  readonly shortage: string | undefined
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
  /** Aborts the running tasks of these files, or all: their signal fires; those that do not end by themselves end with their thread. */
  abort(reason: string, of?: ReadonlySet<FileJob>): void
  /**
   * Ends all threads: idle ones may run `teardown` for `graceMs`. Resolves when they are gone and what they printed is logged,
   * and a little later where one cannot be ended: see unending.ts. What comes later is not logged.
   */
  close(graceMs: number): Promise<void>
}

export function pluginHost(deps: HostDeps): PluginHost {
  const { pluginName } = deps
  const startThread = deps.startThread ?? threadsOf(new URL('../worker/worker.js', import.meta.url))
  const threads = new Set<Thread>()
  const unended = new Set<Thread>()
  let threadNumbers = 0
  const warn = (thread: number, message: string) =>
    deps.log({ type: 'log', level: 'warn', message, fields: {}, thread })
  const lock = fifoLock((number, request) => {
    for (const thread of threads)
      if (thread.number === number) send(thread, { type: 'lock-granted', request })
  })
  const digests = digestsAhead(threads)
  const tasks = taskQueue({ threads, most: deps.threads, digests })
  const ends = threadEnds({ pluginName, tasks, lock, warn })
  const handlers = {
    onMessage: threadMessages({ ...deps, tasks, lock, ends }),
    onForeignMessage: ends.foreign,
    onExit(thread: Thread, code: number) {
      ends.exited(thread, code)
      threads.delete(thread)
    },
    onLine(thread: Thread, message: string) {
      if (thread.linesLeftOut !== undefined) thread.linesLeftOut++
      else deps.log({ type: 'log', level: 'info', message, fields: {}, thread: thread.number })
    },
  }
  const pool = threadPool({
    ...{ threads, unended, count: deps.threads, tasks, ends, warn, begin },
    onReady: () => deps.onReady?.(),
    onBroken: deps.onBroken,
  })

  function begin(version: Version): Thread {
    const data = {
      plugin: deps.pluginUrl,
      segments: deps.segments(),
      pageBytes: deps.pageBytes,
      claims: tasks.claims,
      logFlow: newLogFlow(),
      isTimed: deps.timeoutMs !== undefined,
    }
    const thread = startThread(data, { number: ++threadNumbers, version }, handlers)
    threads.add(thread)
    unended.add(thread)
    void thread.printed.then(() => unended.delete(thread))
    return thread
  }

  return {
    load: pool.load,
    start: pool.start,
    run: tasks.add,
    get free() {
      return tasks.free
    },
    get shortage() {
      return pool.shortage
    },
    reload: pool.reload,
    digestAhead: digests.digest,
    forgetDigest: digests.forget,
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
    abort(reason, of) {
      for (const thread of threads) if (thread.state === 'busy') ends.giveUp(thread, reason, of)
    },
    close: pool.close,
  }
}
