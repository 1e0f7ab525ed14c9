/** The host through random lives of its threads, without threads or time: what thread-state.ts says holds at every step. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pluginHost } from '../../src/plugin/host/host.ts'
import type { Ended } from '../../src/plugin/host/thread.ts'
import type { ThreadState } from '../../src/plugin/host/thread-state.ts'
import type { FileJob, Offer, Task, TaskResult } from '../../src/plugin/messages.ts'
import { type FakeThread, type FakeWorker, fakeThreads, openFakeHost, settled } from './fake-threads.ts'

const FAULT = { message: 'no columns', frames: [] }
const DONE: TaskResult = { kind: 'done' }
const FAILED: TaskResult = { kind: 'failed', fault: FAULT, hookCalled: true }
const SHORT = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
const SHORT_FAULT = { message: SHORT.message, frames: [], environment: true } as const

/** What a thread may do at any time; what makes no sense at present it does not do. */
const BY_THREAD = {
  load: worker => worker.load(),
  'load-failed': worker =>
    worker.isLoaded || worker.say({ type: 'load-failed', what: 'throws', fault: FAULT }),
  'load-short': worker =>
    worker.isLoaded || worker.say({ type: 'load-failed', what: 'throws', fault: SHORT_FAULT }),
  ready: worker => worker.ready(),
  'setup-failed': worker => isSettingUp(worker) && worker.say({ type: 'setup-failed', fault: FAULT }),
  'setup-short': worker => isSettingUp(worker) && worker.say({ type: 'setup-failed', fault: SHORT_FAULT }),
  begin: worker => worker.begin(),
  done: worker => worker.finish(DONE),
  'done, told later': worker => worker.finish(DONE, 'later'),
  failed: worker => worker.finish(FAILED),
  mismatch: worker => worker.finish({ kind: 'mismatch', actual: 'aa' }),
  works(worker) {
    worker.begin()
    worker.finish(DONE)
  },
  flush: worker => worker.flush(),
  exit: worker => worker.exit(7),
  'out of files': worker => worker.fail(SHORT),
  stuck(worker) {
    worker.isStuck = true
  },
  malformed: worker => worker.say({ type: 'results', results: 'all of them' }),
  forged: worker => worker.say(worker.isReady ? { type: 'loaded', options: {}, hooks: [], warnings: [] } : 7),
  'late answer': worker => worker.say({ type: 'results', results: [{ id: 1_000_000, ms: 1, result: DONE }] }),
  'late start': worker => worker.current && worker.say({ type: 'started', id: worker.current.id }),
  stray(worker) {
    worker.flush()
    worker.say({ type: 'stray-error', fault: FAULT })
  },
  prints: worker => worker.isGone || worker.stdout.write('a line\n'),
  logs: worker => worker.say({ type: 'log', level: 'info', message: 'm', fields: {} }),
  locks: worker => worker.say({ type: 'lock', request: 1 }),
  unlocks: worker => worker.say({ type: 'unlock', request: 1 }),
  produces: worker => worker.say({ type: 'produce', request: 2, record: {} }),
  digested: worker => worker.say({ type: 'digested' }),
  'torn down': worker => worker.tornDown(),
} satisfies Record<string, (worker: FakeWorker) => unknown>

const isSettingUp = ({ heard, isReady }: FakeWorker) => heard.has('setup') && !isReady

type Step =
  | { readonly by: 'thread'; readonly does: keyof typeof BY_THREAD; readonly which: number }
  | { readonly by: 'host'; readonly does: 'run' | 'hook' | 'digest' | 'forget' | 'recall' | 'abort' }
  | { readonly by: 'host'; readonly does: 'reload' | 'reload refused' | 'segment' | 'close' }
  | { readonly by: 'time'; readonly ms: number }
  /** So many threads from here on find no room in the system. */
  | { readonly by: 'system'; readonly short: number }

type Act = keyof typeof BY_THREAD
const ACTS = Object.keys(BY_THREAD) as Act[]
const OFTEN: Act[] = ['load', 'ready', 'works', 'begin', 'begin', 'done', 'done, told later', 'failed']
const threadStep = (acts: readonly Act[]): fc.Arbitrary<Step> =>
  fc.record({ by: fc.constant('thread'), does: fc.constantFrom(...acts), which: fc.nat(5) })
const hostStep = (...does: Extract<Step, { by: 'host' }>['does'][]): fc.Arbitrary<Step> =>
  fc.record({ by: fc.constant('host'), does: fc.constantFrom(...does) })

const steps = fc.array(
  fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
    { weight: 12, arbitrary: threadStep(OFTEN) },
    { weight: 5, arbitrary: threadStep(ACTS) },
    { weight: 8, arbitrary: hostStep('run', 'run', 'hook') },
    { weight: 1, arbitrary: hostStep('abort') },
    {
      weight: 3,
      arbitrary: hostStep('digest', 'forget', 'recall', 'reload', 'reload refused', 'segment'),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        by: fc.constant('time'),
        ms: fc.constantFrom(1, 5, 60, 1_000, 5_000, 10_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ by: fc.constant('system'), short: fc.nat(4) }) },
  ),
  { minLength: 20, maxLength: 120, size: '+1' },
)

/** Time goes by in steps of at most so much. */
const TICK_MS = 500

/** States that end by themselves, and what a thread takes to be gone. */
const MOST_MS: Partial<Record<ThreadState, number>> = {
  stopping: 1_000 + TICK_MS,
  retired: 5_000 + 2 * TICK_MS,
}

/** More than a thread is ever given at a time. */
const MANY = 40

interface Given {
  readonly task: Task
  begun: number
  /** `late`: when the host had ended its thread. */
  done: 'in time' | 'late' | undefined
  wasGivenUp: boolean
  readonly answers: Ended[]
}

interface Clock {
  now(): number
  tick(ms: number): Promise<void>
}

interface Life {
  /** All threads are ready when it begins. */
  readonly startsWell: boolean
  readonly threads: number
  readonly timeoutMs: number | undefined
  readonly steps: readonly Step[]
  /** After how many steps it is closed; what follows happens meanwhile. */
  readonly closesAfter: number
  readonly graceMs: number
}

async function live(life: Life, clock: Clock): Promise<void> {
  const { startsWell, threads, timeoutMs, steps, closesAfter, graceMs } = life
  const given = new Map<string, Given>()
  const settling: Promise<unknown>[] = []
  let short = 0
  let broken = 0
  const pathOf = ({ task }: Pick<Offer, 'task'>) => (task as { file: FileJob }).file.path
  const { all, startThread } = fakeThreads(worker => {
    if (short > 0) {
      short--
      throw Object.assign(new Error('Worker initialization failure: EAGAIN'), {
        code: 'ERR_WORKER_INIT_FAILED',
      })
    }
    const threadOf = () => (all.find(each => each.worker === worker) as FakeThread).thread
    worker.onBegin = offer => {
      assert.ok(!threadOf().version.isOutdated, 'begun with a module that was loaded anew')
      ;(given.get(pathOf(offer)) as Given).begun++
    }
    worker.onDone = offer => {
      ;(given.get(pathOf(offer)) as Given).done = threadOf().state === 'ended' ? 'late' : 'in time'
    }
    worker.onHeard = ({ type }) => {
      const thread = threadOf()
      if (type === 'setup') assert.equal(thread.state, 'setting-up')
      if (type === 'tasks') assert.equal(thread.state, 'busy')
      if (type === 'digest') assert.equal(thread.state, 'idle')
      if (type === 'abort') {
        assert.equal(thread.state, 'stopping')
        for (const { task } of thread.assigned.slice(0, 1))
          (given.get(pathOf({ task })) as Given).wasGivenUp = true
      }
      if (type === 'teardown') assert.equal(thread.state, 'retired')
      assert.notEqual(thread.state, 'ended')
    }
  })
  const host = pluginHost({
    pluginUrl: 'file:///p.mjs',
    pluginName: './p.mjs',
    threads,
    timeoutMs,
    segments: () => [],
    pageBytes: 4096,
    produce: async () => {},
    log() {},
    onBroken: () => broken++,
    startThread,
  })
  let isStarted = false
  const start = async () => {
    await host.load()
    await host.start({ options: {}, sections: {}, outputDir: '', tmpDir: '' })
    isStarted = true
  }
  settling.push(start().catch(() => {}))
  let closing: Promise<void> | undefined
  let tasks = 0

  function run(kind: 'process' | 'onFailure'): void {
    const path = `f${++tasks}`
    const file = { path, deliveryId: path, ahead: tasks % 3 } as FileJob
    const task: Task = kind === 'process' ? { kind, file } : { kind, file, fault: FAULT }
    const own: Given = { task, begun: 0, done: undefined, wasGivenUp: false, answers: [] }
    given.set(path, own)
    settling.push(host.run(task).then(ended => own.answers.push(ended)))
  }

  async function step(next: Step): Promise<void> {
    if (next.by === 'time') return await clock.tick(next.ms)
    if (next.by === 'system') {
      short = next.short
      return
    }
    if (next.by === 'thread') {
      const there = all.filter(({ worker }) => !worker.isGone)
      const one = there[next.which % there.length]
      if (one !== undefined) BY_THREAD[next.does](one.worker)
      return
    }
    const settings = { options: {}, sections: {}, outputDir: '', tmpDir: '' }
    if (next.does === 'run') run('process')
    if (next.does === 'hook') run('onFailure')
    if (next.does === 'digest') host.digestAhead(tasks % 3, 0, () => ({}) as never)
    if (next.does === 'forget') host.forgetDigest(tasks % 3)
    if (next.does === 'recall') host.recall()
    if (next.does === 'abort') host.abort('enough')
    if (next.does === 'segment') host.addSegment(new SharedArrayBuffer(8))
    if (next.does === 'close') closing ??= host.close(graceMs)
    if (isStarted && next.does === 'reload') settling.push(host.reload(async () => settings).catch(() => {}))
    if (isStarted && next.does === 'reload refused')
      settling.push(host.reload(() => Promise.reject(new Error('no such option'))).catch(() => {}))
  }

  const since = new Map<FakeThread, { readonly state: ThreadState; readonly at: number }>()

  /** What thread-state.ts says, as far as it can be seen. */
  function check(): void {
    const slots = new Set<number>()
    for (const one of all) {
      if (one.worker.isStuck) continue
      const { state } = one.thread
      const before = since.get(one)
      const at = before?.state === state ? before.at : clock.now()
      since.set(one, { state, at })
      assert.ok(clock.now() - at <= (MOST_MS[state] ?? Number.POSITIVE_INFINITY), `${state} for too long`)
    }
    for (const { thread, worker } of all) {
      const { state, assigned, version } = thread
      const hasTasks = state === 'busy' || state === 'stopping'
      assert.equal(assigned.length > 0, hasTasks, `${state} with ${assigned.length} tasks`)
      if (state === 'loading' || state === 'loaded') assert.ok(!worker.heard.has('setup'))
      if (state === 'idle') assert.ok(!version.isOutdated, 'idle, of a module that was loaded anew')
      if (worker.isGone) assert.equal(state, 'ended')
      if (state === 'ended') assert.ok(worker.isGone || worker.wasTerminated)
      for (const { slot } of assigned)
        assert.equal(slots.size, slots.add(slot).size - 1, 'a slot of two tasks')
    }
    const current = all.filter(({ thread }) => thread.state !== 'ended' && !thread.version.isOutdated)
    assert.ok(new Set(current.map(({ thread }) => thread.version)).size <= 1 + settling.length)
    for (const [path, { task, begun, done, wasGivenUp, answers }] of given) {
      assert.ok(begun <= 1, `${path} was begun ${begun} times`)
      const [answer] = answers
      if (answer?.kind === 'done') assert.ok(done, `${path} is not done`)
      if (answer?.kind === 'failed' && done === 'in time')
        assert.ok(wasGivenUp, `${path} is done, and failed`)
      if (answer?.kind === 'recalled') {
        assert.equal(begun, 0, `${path} was begun, and recalled`)
        assert.ok(task.kind === 'process' || closing !== undefined, 'a hook was given back')
      }
    }
  }

  const isAnswered = () => [...given.values()].every(({ answers }) => answers.length === 1)

  for (let round = 0; startsWell && round < 2; round++) {
    for (const does of ['load', 'ready'] as const) {
      for (const { worker } of all) BY_THREAD[does](worker)
      await settled()
    }
  }
  for (const [at, next] of steps.entries()) {
    if (at === closesAfter) await step({ by: 'host', does: 'close' })
    await step(next)
    await settled()
    check()
  }
  // From here on all goes well: whatever was given is answered, if there can be a thread.
  short = 0
  if (closing === undefined) for (let more = 0; more < MANY * threads; more++) run('process')
  for (let round = 0; round < 60 && closing === undefined; round++) {
    for (const { worker } of all) {
      worker.load()
      worker.ready()
      for (let count = 0; count < MANY; count++) BY_THREAD.works(worker)
      worker.finish(DONE)
      worker.flush()
      worker.tornDown()
    }
    await settled()
    check()
    if (round % 10 === 9) await clock.tick(10_000)
  }
  const hasThread = all.some(({ thread }) => thread.state === 'idle')
  if (closing === undefined && isStarted && broken < threads) {
    assert.ok(hasThread, 'no thread is left')
    assert.equal(host.shortage, undefined)
    assert.ok(isAnswered(), 'a task was lost')
  }
  closing ??= host.close(graceMs)
  let isClosed = false
  void closing.then(() => {
    isClosed = true
  })
  for (let round = 0; round < 400 && !isClosed; round++) await clock.tick(100)
  assert.ok(isClosed, 'close does not end')
  check()
  for (const { thread } of all) assert.equal(thread.state, 'ended')
  await Promise.all([...settling, host.run({ kind: 'process', file: { path: 'late' } as FileJob })])
  assert.ok(isAnswered(), 'a task was never answered')
}

test('whatever threads do, each state is one that thread-state.ts names, each task is answered once, close ends', async t => {
  let time = 0
  t.mock.method(performance, 'now', () => time)
  const clock: Clock = {
    now: () => time,
    async tick(ms) {
      for (let left = ms; left > 0; left -= TICK_MS) {
        const step = Math.min(left, TICK_MS)
        time += step
        t.mock.timers.tick(step)
        await settled()
      }
    },
  }
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        startsWell: fc.integer({ min: 0, max: 3 }).map(n => n > 0),
        threads: fc.integer({ min: 1, max: 3 }),
        timeoutMs: fc.constantFrom(undefined, 1_000),
        steps,
        closesAfter: fc.oneof(fc.constant(1_000), fc.nat(60)),
        graceMs: fc.constantFrom(0, 1_000),
      }),
      async life => {
        t.mock.timers.enable({ apis: ['setTimeout'] })
        try {
          await live(life, clock)
        } finally {
          t.mock.timers.reset()
        }
      },
    ),
    { numRuns: Number(process.env.FC_RUNS ?? 300) },
  )
})

/** A thread that ends in one of these ways, and what it may have come to before. */
const LAST_ACTS: Act[] = ['stray', 'exit', 'out of files', 'malformed', 'forged', 'done', 'done, told later']
const STRAY: { begins: boolean; does: Act[] } = { begins: false, does: ['stray'] }

test('a file goes back uncounted a few times at most, however its threads end', async t => {
  const ends = fc.record({ begins: fc.boolean(), does: fc.array(fc.constantFrom(...LAST_ACTS)) })
  const tasks = fc.constantFrom('process', 'onFailure' as const)
  await fc.assert(
    fc.asyncProperty(tasks, fc.array(ends, { maxLength: 8 }), async (kind, lives) => {
      const { open, host, all, first, pass, ready } = await openFakeHost(t)
      try {
        await ready()
        let begun = 0
        let answered: Ended | undefined
        let recalls = 0
        open.onStart = worker => {
          worker.onBegin = () => begun++
        }
        first.onBegin = () => begun++
        const file = { path: 'a', deliveryId: 'a' } as FileJob
        const run = () => {
          answered = undefined
          const task: Task = kind === 'process' ? { kind, file: { ...file } } : { kind, file, fault: FAULT }
          void host.run(task).then(ended => {
            if (ended.kind === 'recalled') {
              recalls++
              run()
            } else answered = ended
          })
        }
        run()
        let lost = 0
        for (const { begins, does } of [...lives, ...Array<typeof STRAY>(5).fill(STRAY)]) {
          const worker = all.at(-1)?.worker as FakeWorker
          if (begins) worker.begin()
          for (const act of does) BY_THREAD[act](worker)
          if (worker.isGone || worker.wasTerminated) lost++
          await settled()
          await pass(10_000)
          await settled()
          if (answered !== undefined) break
        }
        assert.ok(answered !== undefined, `after ${lost} threads`)
        // Once from the thread, and once more as there is none for a while.
        assert.ok(recalls <= 2 * 3, `${recalls} recalls`)
        assert.ok(begun <= 1)
      } finally {
        t.mock.timers.reset()
      }
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 100) },
  )
})
