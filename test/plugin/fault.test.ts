import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { faultLine } from '../../src/core/plugin-fault.ts'
import { faultOf } from '../../src/plugin/worker/fault.ts'

const PLUGIN = 'file:///home/me/my%20plots/plot.ts'
const SRC = fileURLToPath(new URL('../../src/', import.meta.url))

function thrown(frames: readonly string[], error: Error = new TypeError('no columns')): Error {
  error.stack = `${error.name}: ${error.message}\n${frames.map(frame => `    at ${frame}`).join('\n')}`
  return error
}

test('an error is told by its kind and message, a plain Error by its message', () => {
  assert.equal(faultOf(new TypeError('no columns'), PLUGIN).message, 'TypeError: no columns')
  assert.equal(faultOf(new Error('no columns'), PLUGIN).message, 'no columns')
})

test('what is thrown and no Error is told by its text or its fields', () => {
  assert.equal(faultOf('no columns', PLUGIN).message, 'no columns')
  assert.equal(faultOf({ status: 500, body: 'said no' }, PLUGIN).message, '{"status":500,"body":"said no"}')
  assert.equal(faultOf('', PLUGIN).message, 'threw an empty text')
})

test('one line is never empty', () => {
  assert.equal(
    faultLine(faultOf(Object.assign(new Error(''), { stack: '' }), PLUGIN)),
    'an error without a message',
  )
})

test('the cause is told too: fetch and others say nothing else', () => {
  const error = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9') })
  assert.equal(faultOf(error, PLUGIN).message, 'TypeError: fetch failed (connect ECONNREFUSED 127.0.0.1:9)')
})

test('only frames of the plugin’s own code are kept, by the path that its author knows', () => {
  const error = thrown([
    'parse (/home/me/my plots/lib/columns.ts:40:11)',
    'Object.plot (file:///home/me/my%20plots/plot.ts?namespace=12:9:31)',
    'async plot (file:///home/me/my%20plots/plot.ts:11:3)',
    '/home/me/my plots/plot.ts:13:5',
    'helper (/home/me/shared/helper.mjs:2:1)',
    'parseCsv (/home/me/my plots/node_modules/csv/index.js:1:1)',
    `attempt (file://${path.join(SRC, 'plugin', 'worker.js')}:154:37)`,
    'process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    'new Promise (<anonymous>)',
  ])
  assert.deepEqual(faultOf(error, PLUGIN).frames, [
    'lib/columns.ts:40:11',
    'plot.ts:9:31',
    'plot.ts:11:3',
    'plot.ts:13:5',
    '/home/me/shared/helper.mjs:2:1',
  ])
})

test('folders with brackets, spaces, percent and hash signs are no obstacle', () => {
  const plugin = 'file:///data/run%20(2)/100%25%20%231/plot.ts'
  const folder = '/data/run (2)/100% #1'
  const error = thrown([
    `plot (${folder}/plot.ts:1:2)`,
    `${folder}/plot.ts:3:4`,
    'plot (file:///data/run%20(2)/100%25%20%231/plot.ts:5:6)',
    'async file:///data/run%20(2)/100%25%20%231/plot.ts:7:8',
  ])
  assert.deepEqual(faultOf(error, plugin).frames, [
    'plot.ts:1:2',
    'plot.ts:3:4',
    'plot.ts:5:6',
    'plot.ts:7:8',
  ])
})

test('in one line it is the message and the nearest frame', () => {
  const fault = faultOf(thrown(['plot (/home/me/my plots/plot.ts:9:31)']), PLUGIN)
  assert.equal(faultLine(fault), 'TypeError: no columns at plot.ts:9:31')
  assert.equal(faultLine({ message: 'gone', frames: [] }), 'gone')
})

test('what is no error is told as text', () => {
  assert.deepEqual(faultOf('no columns', PLUGIN), { message: 'no columns', frames: [] })
  assert.equal(faultOf(undefined, PLUGIN).message, 'undefined')
  assert.equal(faultOf(42n, PLUGIN).message, '42')
  assert.equal(faultOf(Symbol('s'), PLUGIN).message, 'Symbol(s)')
})

test('whatever is thrown, there is a text', () => {
  const hostile: unknown[] = [
    Object.create(null),
    { toString: 5 },
    {
      toString() {
        throw new Error('never')
      },
    },
    Object.assign(new Error('x'), { stack: 5 }),
    Object.assign(new Error('x'), { name: Symbol('n') }),
    Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('never')
      },
    }),
  ]
  for (const value of hostile) assert.equal(typeof faultOf(value, PLUGIN).message, 'string')
})

test('what is huge is cut, its frames are not', () => {
  const huge = 'x'.repeat(20_000_000)
  const error = thrown(
    ['plot (/home/me/my plots/plot.ts:9:31)'],
    new TypeError(`${huge}\n    at y`, { cause: new Error(huge) }),
  )
  const fault = faultOf(error, PLUGIN)
  assert.deepEqual(fault.frames, ['plot.ts:9:31'])
  assert.match(fault.message, /^TypeError: x+… \(20,000,009 characters\) \(x+… \(20,000,000 characters\)\)$/)
  assert.ok(fault.message.length < 10_000)
  assert.ok((fault.stack ?? '').length < 20_000)
  for (const thing of [
    huge,
    { toString: () => huge },
    Object.assign(new Error('m'), { name: huge, stack: huge }),
  ]) {
    const { message, stack = '' } = faultOf(thing, PLUGIN)
    assert.ok(message.length < 10_000 && stack.length < 20_000)
  }
})

test('whatever is thrown, it is told', () => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const odd = new Error('m')
  Object.defineProperty(odd, 'message', { get: () => Symbol('odd') })
  for (const thing of [
    null,
    undefined,
    Symbol('s'),
    5n,
    Object.create(null),
    revoked.proxy,
    odd,
    { toString: null },
  ])
    assert.equal(typeof faultOf(thing, PLUGIN).message, 'string')
})
