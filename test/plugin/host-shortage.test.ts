/** No file, memory or process for a further thread: the others go on, and it is tried again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pluginHost } from '../../src/plugin/host/host.ts'
import type { Ended } from '../../src/plugin/host/thread.ts'
import type { FileJob, Task } from '../../src/plugin/messages.ts'
import { type FakeWorker, fakeThreads, openFakeHost, settled } from './fake-threads.ts'

const RETRY_MS = 10_000
const emfile = () => Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
const SHORT = { message: emfile().message, frames: [], environment: true } as const
const FAULT = { message: 'no camera', frames: [] }

const file = (path: string): Task => ({ kind: 'process', file: { path } as FileJob })

for (const [what, onFurther] of [
  ['cannot import its module', worker => worker.say({ type: 'load-failed', what: 'throws', fault: SHORT })],
  ['cannot read its program', worker => worker.fail(emfile())],
  [
    'cannot set its plugin up',
    async worker => {
      worker.load()
      await settled()
      worker.say({ type: 'setup-failed', fault: SHORT })
    },
  ],
] as const satisfies (readonly [string, (worker: FakeWorker) => unknown])[])
  test(`a further thread that ${what} for want of files is told of once, tried again, and others work meanwhile`, async t => {
    const { open, host, all, first, warnings, broken, goOn, pass, ready } = await openFakeHost(t, {
      threads: 2,
    })
    open.onFurther = onFurther
    await goOn()
    for (let tries = 0; tries < 3; tries++) await pass(RETRY_MS)
    assert.equal(all.length, 5)
    assert.equal(warnings.length, 1)
    assert.match(
      warnings[0] as string,
      /^no further plugin thread can be started: \.\/p\.mjs.*EMFILE.*; it is tried again every 10 s$/,
    )
    assert.equal(host.shortage, undefined)
    const result = host.run(file('a'))
    first.begin()
    first.finish({ kind: 'done' })
    assert.equal((await result).kind, 'done')
    await ready()
    await pass(RETRY_MS)
    await settled()
    assert.equal(host.free >= 2, true)
    assert.deepEqual(broken, [])
    // Another time it is told again.
    open.onFurther = onFurther
    const last = all.at(-1)?.worker as FakeWorker
    void host.run(file('b'))
    void host.run(file('c'))
    for (const worker of [first, last]) {
      worker.begin()
      worker.finish({ kind: 'done' })
    }
    last.exit(1)
    await settled()
    await goOn()
    assert.equal(warnings.length, 2)
  })

test('a further thread that the system refuses is tried again', async t => {
  const { open, host, all, first, warnings, broken, ready, pass } = await openFakeHost(t)
  void host.run(file('a'))
  first.begin()
  first.finish({ kind: 'done' })
  open.onStart = () => {
    const message = 'Worker initialization failure: EAGAIN'
    throw Object.assign(new Error(message), { code: 'ERR_WORKER_INIT_FAILED' })
  }
  first.exit(7)
  await settled()
  assert.match(warnings.join(), /can be started: Worker initialization failure: EAGAIN;/)
  await ready()
  await pass(RETRY_MS)
  await settled()
  assert.deepEqual(
    all.map(({ thread }) => thread.state),
    ['ended', 'idle'],
  )
  assert.deepEqual(broken, [])
})

test('with no thread left it says why, files go back, a hook waits, and all goes on with the next thread', async t => {
  const { open, host, all, first, goOn, pass, ready } = await openFakeHost(t)
  open.onFurther = worker => worker.say({ type: 'load-failed', what: 'throws', fault: SHORT })
  const answers: Ended[] = []
  const hook = host.run({ kind: 'onFailure', file: { path: 'a' } as FileJob, fault: FAULT })
  for (const path of ['b', 'c']) void host.run(file(path)).then(ended => answers.push(ended))
  first.exit(7)
  await settled()
  await goOn()
  assert.match(host.shortage ?? '', /EMFILE/)
  assert.equal(host.free, 0)
  assert.equal((await hook).kind, 'failed')
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['recalled', 'recalled'],
  )
  const waiting = host.run({ kind: 'onFailure', file: { path: 'b' } as FileJob, fault: FAULT })
  await pass(RETRY_MS)
  await ready()
  await pass(RETRY_MS)
  await settled()
  assert.equal(host.shortage, undefined)
  const next = all.at(-1)?.worker as FakeWorker
  next.begin()
  next.finish({ kind: 'done' })
  assert.equal((await waiting).kind, 'done')
})

test('a further thread that fails by itself is the plugin’s fault, as is want of files in the first one', async t => {
  const { open, broken, warnings, goOn } = await openFakeHost(t, { threads: 2 })
  open.onFurther = worker => worker.say({ type: 'load-failed', what: 'throws', fault: FAULT })
  await goOn()
  assert.deepEqual(
    broken.map(({ exitCode, facts }) => [exitCode, ...facts]),
    [[78, 'no camera']],
  )
  assert.deepEqual(warnings, [])
  t.mock.timers.reset()
  const { all, startThread } = fakeThreads()
  const host = pluginHost({
    ...{
      pluginUrl: 'file:///p.mjs',
      pluginName: './p.mjs',
      threads: 1,
      timeoutMs: undefined,
      pageBytes: 4096,
    },
    ...{ segments: () => [], produce: async () => {}, log: () => {}, onBroken: () => {}, startThread },
  })
  const loading = host.load()
  all[0]?.worker.fail(emfile())
  await assert.rejects(loading, { code: 'E_PLUGIN' })
  await host.close(0)
})

const STRAY = { type: 'stray-error', fault: { message: 'connect ECONNREFUSED', frames: ['p.mjs:4:1'] } }

for (const [what, ends, reason] of [
  ['an error aside', worker => worker.say(STRAY), 'connect ECONNREFUSED at p.mjs:4:1'],
  ['process.exit', worker => worker.exit(1), 'the plugin called process.exit(1)'],
] as const satisfies (readonly [string, (worker: FakeWorker) => unknown, string])[])
  test(`threads that end by ${what} before they have done anything are told of once and started again after 10 s`, async t => {
    const { host, all, first, warnings, broken, pass, ready } = await openFakeHost(t)
    await ready()
    ends(first)
    await settled()
    assert.equal(all.length, 1)
    assert.match(host.shortage ?? '', /nothing to do/)
    for (let thread = 2; thread < 5; thread++) {
      await pass(RETRY_MS)
      await settled()
      assert.equal(all.length, thread)
      assert.equal(host.shortage, undefined)
      ends(all.at(-1)?.worker as FakeWorker)
      await settled()
    }
    const told = `a plugin thread ended while it had nothing to do: ${reason}; it is tried again every 10 s`
    assert.deepEqual(warnings, [told])
    await pass(RETRY_MS)
    await settled()
    // One that has done something is replaced at once.
    const worker = all.at(-1)?.worker as FakeWorker
    void host.run(file('a'))
    worker.begin()
    worker.finish({ kind: 'done' })
    ends(worker)
    await settled()
    assert.equal(all.length, 6)
    assert.deepEqual(broken, [])
  })
