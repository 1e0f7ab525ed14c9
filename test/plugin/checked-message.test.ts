/** What user code may post where only dfsp should: see src/plugin/host/checked-message.ts. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { checkedMessage } from '../../src/plugin/host/checked-message.ts'
import { openFakeHost } from './fake-threads.ts'
import { faultIn, openHost } from './hosts.ts'

const FAULT = { message: 'm', frames: ['a.ts:1:2'], stack: 's' }

const GOOD = [
  { type: 'begun', thread: 5 },
  { type: 'loaded', options: { column: { type: 'number' } }, hooks: ['setup'], warnings: [] },
  { type: 'load-failed', what: 'w', fault: FAULT },
  { type: 'ready' },
  { type: 'setup-failed', fault: FAULT },
  { type: 'started', id: 1 },
  { type: 'digested' },
  { type: 'results', results: [{ id: 1, ms: 0.5, result: { kind: 'done' } }] },
  {
    type: 'results',
    results: [{ id: 1, ms: 0, result: { kind: 'failed', fault: FAULT, hookCalled: true } }],
  },
  { type: 'results', results: [{ id: 1, ms: 0, result: { kind: 'mismatch', actual: 'ab' } }] },
  { type: 'results', results: [{ id: 1, ms: 0, result: { kind: 'examined', badChunks: [0, 3] } }] },
  { type: 'results', results: [{ id: 1, ms: 0, result: { kind: 'io-error', message: 'm', code: 'EIO' } }] },
  { type: 'log', level: 'info', message: 'm', fields: { n: 1, ok: true, s: 't' }, path: 'a.csv' },
  { type: 'lock', request: 1 },
  { type: 'unlock', request: 1 },
  { type: 'produce', request: 1, record: { value: 'v' } },
  { type: 'stray-error', fault: FAULT },
  { type: 'torn-down' },
]

test('what dfsp says itself is taken as it is', () => {
  for (const message of GOOD) assert.equal(checkedMessage(message), message)
})

test('nothing that has another shape is taken, and no value makes the check fail', () => {
  fc.assert(
    fc.property(fc.anything(), given => {
      assert.equal(checkedMessage(given), undefined)
    }),
  )
})

test('a message of dfsp with one part exchanged for anything is refused, or as good as before', () => {
  fc.assert(
    fc.property(fc.constantFrom(...GOOD), fc.nat(20), fc.anything(), (good, at, other) => {
      const changed = structuredClone(good) as Record<string, unknown>
      const places: [Record<string, unknown>, string][] = []
      const collect = (value: unknown) => {
        if (typeof value !== 'object' || value === null) return
        for (const key of Object.keys(value)) {
          places.push([value as Record<string, unknown>, key])
          collect((value as Record<string, unknown>)[key])
        }
      }
      collect(changed)
      const [place, key] = places[at % places.length] as [Record<string, unknown>, string]
      const before = place[key]
      place[key] = other
      const isAsBefore =
        typeof other === typeof before &&
        (typeof other !== 'number' || (Number.isSafeInteger(other) && other >= 0))
      // A field of a log line is a scalar of any kind.
      const isField = place === changed.fields && ['string', 'boolean'].includes(typeof other)
      const isNumber = place === changed.fields && Number.isFinite(other)
      if (
        isField ||
        isNumber ||
        isAsBefore ||
        other === undefined ||
        good.type === 'produce' ||
        good.type === 'loaded'
      )
        return
      if (key === 'ms') assert.ok(checkedMessage(changed) === undefined || (other as number) >= 0)
      else assert.equal(checkedMessage(changed), undefined, JSON.stringify(key))
    }),
  )
})

/** Posts the JSON that a file holds, or does what its name says. */
const PLUGIN = `
import { parentPort } from 'node:worker_threads'
const WAYS = {
  close: () => parentPort.close(),
  'throw null': () => setImmediate(() => { throw null }),
  'throw undefined': () => setImmediate(() => { throw undefined }),
  'throw a proxy': () => setImmediate(() => { throw new Proxy(new Error('x'), { get() { throw 1 }, getPrototypeOf() { throw 2 } }) }),
  'reject null': () => void Promise.reject(null),
  'no handlers': () => { process.removeAllListeners('uncaughtException'); setImmediate(() => { throw null }) },
  'exit in exit': () => { process.on('exit', () => process.exit(3)); process.exit(4) },
}
export default async function post(file) {
  const text = file.text()
  if (text === 'null') return null
  if (WAYS[text]) WAYS[text]()
  else parentPort.postMessage(JSON.parse(text).given)
  await new Promise(resolve => setTimeout(resolve, 60_000))
  return null
}
`

function pluginFile(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-post-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'post.mjs')
  fs.writeFileSync(file, PLUGIN)
  return pathToFileURL(file).href
}

test('a message of its own on parentPort costs the attempt, and the next file has a new thread', async t => {
  const { run } = await openHost(t, { pluginUrl: pluginFile(t) })
  for (const given of [
    null,
    5,
    'text',
    [],
    { type: 'results' },
    { type: 'results', results: [null] },
    { type: 'ready' },
    { type: 'loaded', options: {}, hooks: [], warnings: [] },
    { type: 'log', level: 'loud', message: 'm', fields: {} },
    { type: 'log', level: 'info', message: 'm', fields: null },
    { type: 'log', level: 'info', message: 'm', fields: { nested: {} } },
    { type: 'produce' },
    { type: 'stray-error', fault: null },
    { type: 'toString' },
  ]) {
    const result = await run(JSON.stringify({ given }))
    assert.match(faultIn(result).message, /^posted a message of its own on parentPort/, JSON.stringify(given))
    assert.deepEqual(await run('null'), { kind: 'done' })
  }
})

test('a forged answer of another file, and answers that nobody waits for, change nothing', async t => {
  const { run } = await openHost(t, { pluginUrl: pluginFile(t), timeoutMs: 1_000 })
  for (const given of [
    { type: 'results', results: [{ id: 77, ms: 1, result: { kind: 'done' } }] },
    { type: 'started', id: 77 },
    { type: 'unlock', request: 77 },
    { type: 'digested' },
    { type: 'torn-down' },
  ]) {
    assert.equal(faultIn(await run(JSON.stringify({ given }))).message, 'timed out after 1 s')
    assert.deepEqual(await run('null'), { kind: 'done' })
  }
})

test('a forged answer does not change how many tasks threads are given', async t => {
  const { host, first } = await openFakeHost(t)
  first.say({ type: 'results', results: [{ id: 77, ms: 0, result: { kind: 'done' } }] })
  assert.equal(host.free, 1)
})

for (const [way, message] of [
  ['close', 'the plugin closed parentPort'],
  ['throw null', 'null'],
  ['throw undefined', 'undefined'],
  ['throw a proxy', 'threw something that cannot be shown as text'],
  ['reject null', 'null'],
  ['no handlers', 'the plugin thread failed: null'],
  ['exit in exit', 'the plugin called process.exit(3)'],
] as const)
  test(`${way}: costs the attempt`, async t => {
    const { run } = await openHost(t, { pluginUrl: pluginFile(t) })
    assert.equal(faultIn(await run(way)).message, message)
    assert.deepEqual(await run('null'), { kind: 'done' })
  })
