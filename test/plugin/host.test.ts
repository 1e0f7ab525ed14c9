import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { DfspError } from '../../src/base/errors.ts'
import { folderOf } from './folder.ts'
import { type OpenHost, openHost } from './hosts.ts'

const DONE = { kind: 'done' }

test('null is success, at once or later', async t => {
  const { run, messages } = await openHost(t)
  assert.deepEqual(await run('null'), DONE)
  assert.deepEqual(await run('null later'), DONE)
  assert.deepEqual(messages(), ['setup'])
})

for (const [action, message] of [
  ['return an error', 'RangeError: no columns'],
  ['resolve with an error', 'RangeError: no columns'],
  ['throw', 'TypeError: no columns'],
  ['reject', 'TypeError: no columns'],
  ['throw text', 'no columns'],
  ['throw nothing', /undefined/],
  ['throw a hostile value', /cannot be shown/],
  ['return undefined', /^returned undefined; return null when done/],
  ['return a promise of undefined', /^returned undefined; return null when done/],
  ['return text', /^returned "done"; return null/],
  ['return an object', /^returned an object \(Object\); return null/],
] as const)
  test(`fault 50: to ${action} is a failure, told to onFailure, and the thread goes on`, async t => {
    const { run, messages } = await openHost(t)
    const result = await run(action, { path: 'scan.csv' })
    assert.ok(result.kind === 'failed', JSON.stringify(result))
    assert.equal(result.hookCalled, true)
    if (typeof message === 'string') assert.equal(result.fault.message, message)
    else assert.match(result.fault.message, message)
    assert.equal(messages().filter(m => m.startsWith('onFailure scan.csv: ')).length, 1)
    assert.deepEqual(await run('null'), DONE)
    assert.equal(messages().filter(m => m === 'setup').length, 1)
  })

test('onFailure is told when no further attempt follows', async t => {
  const { run, messages } = await openHost(t)
  await run('throw')
  await run('throw', { final: true })
  assert.deepEqual(messages(), [
    'setup',
    'onFailure scan.csv: no columns',
    'onFailure scan.csv: no columns (final)',
  ])
})

test('setup runs once in each thread and teardown at the end, each with what setup made', async t => {
  const { host, messages } = await openHost(t, { threads: 3 })
  assert.deepEqual(messages(), ['setup', 'setup', 'setup'])
  await host.close(2_000)
  assert.deepEqual(messages().slice(3), ['teardown in setup', 'teardown in setup', 'teardown in setup'])
})

test('what is loaded tells hooks and options before anything of the plugin runs', async t => {
  const { loaded } = await openHost(t)
  assert.deepEqual([...loaded.hooks].sort(), [
    'onFailure',
    'onMismatch',
    'onUndecodable',
    'setup',
    'teardown',
  ])
})

test('the first thread works while the setup of another one takes its time', async t => {
  const { 'p.mjs': pluginUrl } = folderOf(t, {
    'p.mjs': `import fs from 'node:fs'
export default () => null
export const setup = ctx => {
  const mark = ctx.outputDir + '/was here'
  if (fs.existsSync(mark)) return new Promise(() => {})
  fs.writeFileSync(mark, '')
}
`,
  })
  const { run } = await openHost(t, { pluginUrl, threads: 2, ready: 1 })
  assert.deepEqual(await run('x'), DONE)
})

test('a file goes to the first thread that is free, and none waits for a slow one', async t => {
  const { host, run } = await openHost(t, { threads: 2 })
  assert.equal(host.free, 2)
  const slow = run('null once aborted')
  assert.equal(host.free, 1)
  const order: string[] = []
  const others = ['b', 'c', 'd', 'e'].map(async name => {
    await run('null later', { path: name })
    order.push(name)
  })
  assert.equal(host.free, 0)
  await Promise.all(others)
  assert.deepEqual(order.toSorted(), ['b', 'c', 'd', 'e'])
  assert.ok(host.free > 0)
  host.abort('enough')
  await slow
})

test('a setup that throws keeps the run from starting, and says where', async t => {
  const { 'p.mjs': pluginUrl } = folderOf(t, {
    'p.mjs': 'export default () => null\nexport function setup() {\n  throw new Error("no camera")\n}\n',
  })
  await assert.rejects(openHost(t, { pluginUrl, pluginName: './p.mjs' }), (error: DfspError) => {
    assert.equal(error.code, 'E_PLUGIN')
    assert.equal(error.message, './p.mjs: setup() failed')
    assert.match(error.facts.join(), /^no camera at p\.mjs:3:9$/)
    return true
  })
})

test('a setup that ends its thread keeps the run from starting', async t => {
  const { 'p.mjs': pluginUrl } = folderOf(t, {
    'p.mjs': 'export default () => null\nexport const setup = () => process.exit(4)\n',
  })
  await assert.rejects(openHost(t, { pluginUrl, pluginName: './p.mjs' }), (error: DfspError) => {
    assert.equal(error.message, './p.mjs: setup() failed')
    assert.match(error.facts.join(), /process\.exit\(4\)/)
    return true
  })
})

test('when a thread cannot be replaced the host says so instead of waiting for ever', async t => {
  const { 'p.mjs': pluginUrl } = folderOf(t, {
    'p.mjs': `import fs from 'node:fs'
export const setup = ctx => {
  const mark = ctx.outputDir + '/was here'
  if (fs.existsSync(mark)) throw new Error('second time')
  fs.writeFileSync(mark, '')
}
export default () => process.exit(1)
`,
  })
  let onBroken: (error: DfspError) => void = () => {}
  const told = new Promise<DfspError>(resolve => {
    onBroken = resolve
  })
  const { run } = await openHost(t, { pluginUrl, pluginName: './p.mjs', onBroken: error => onBroken(error) })
  assert.equal((await run('null')).kind, 'failed')
  assert.match((await told).facts.join(), /second time/)
})

test('an attempt that is given up at the end may end by itself, and its thread runs teardown all the same', async t => {
  const { 'p.mjs': pluginUrl } = folderOf(t, {
    'p.mjs': `export default (file, ctx) => new Promise(resolve => {
        ctx.logger.info('begun')
        ctx.signal.addEventListener('abort', () => setTimeout(() => {
          ctx.logger.info('taken back')
          resolve(new Error('given up'))
        }, 50))
      })
      export const teardown = ctx => ctx.logger.info('teardown')
`,
  })
  const { host, run, logged, messages } = await openHost(t, { pluginUrl })
  const work = run('x')
  await logged(/begun/)
  host.abort('dfsp is stopping')
  await host.close(5_000)
  await work
  assert.deepEqual(messages(), ['begun', 'taken back', 'teardown'])
})

test('a teardown that never ends is waited for as long as asked, not longer', async t => {
  const { 'p.mjs': pluginUrl } = folderOf(t, {
    'p.mjs': 'export default () => null\nexport const teardown = () => new Promise(() => {})\n',
  })
  const { host } = await openHost(t, { pluginUrl })
  const start = performance.now()
  await host.close(100)
  assert.ok(performance.now() - start < 5_000)
})

test('files that take a moment are given ahead of time, and taken back when one before them takes long', async t => {
  const open = await openHost(t)
  const { host } = open
  const { order, all } = await givenAhead(open, ['hang until aborted', 'null', 'null later'])
  await Promise.all(all.slice(1))
  assert.deepEqual(order, ['null later: recalled', 'null: recalled'])
  assert.equal(host.free, 0)
  host.abort('enough')
  await all[0]
  assert.equal(order[2], 'hang until aborted: failed')
})

test('what is recalled was not begun, and is answered last first', async t => {
  const open = await openHost(t)
  const { host, messages } = open
  const { order, all } = await givenAhead(open, ['hang until aborted', 'null', 'throw'])
  host.recall()
  await Promise.all(all.slice(1))
  assert.deepEqual(order, ['throw: recalled', 'null: recalled'])
  host.abort('enough')
  await all[0]
  assert.deepEqual(messages().slice(0, 3), ['setup', 'hanging', 'aborted: enough'])
  assert.equal(messages().filter(m => m.includes('no columns')).length, 0)
})

test('what is done counts at once where the thread goes on to a long file', async t => {
  const open = await openHost(t)
  const { order, all } = await givenAhead(open, ['null', 'null', 'null', 'block until told'])
  await Promise.all(all.slice(0, 3))
  assert.deepEqual(order, Array(3).fill('null: done'))
  fs.writeFileSync(path.join(open.outputDir, 'go'), '')
  await all[3]
  assert.equal(order[3], 'block until told: done')
})

const BEGUN = /^(hanging|blocks)$/

/**
 * Gives one thread all of these at once; resolves when it is in the one that lasts. `order` says what became of them.
 * From a thread that is late, on a machine under load, everything is taken back: then it is done again.
 */
async function givenAhead({ host, job, logged, messages }: OpenHost, contents: readonly string[]) {
  for (;;) {
    while (host.free < contents.length) await host.run({ kind: 'process', file: job('null') })
    const order: string[] = []
    const all = contents.map(async content => {
      order.push(`${content}: ${(await host.once({ kind: 'process', file: job(content) })).kind}`)
    })
    await Promise.race([logged(BEGUN), Promise.all(all)])
    if (messages().some(message => BEGUN.test(message))) return { order, all }
  }
}

test('however many short files there are, the event loop turns after some hundreds of them', async t => {
  const { run } = await openHost(t, { threads: 2 })
  let answers = 0
  let most = 0
  let isOver = false
  const turned = () => {
    most = Math.max(most, answers)
    answers = 0
    if (!isOver) setImmediate(turned)
  }
  setImmediate(turned)
  const results = await Promise.all(
    Array.from({ length: 5_000 }, async () => {
      const result = await run('null')
      // As long as a processor takes for each: the threads are faster.
      for (const until = performance.now() + 0.1; performance.now() < until; );
      answers++
      return result
    }),
  )
  isOver = true
  assert.ok(results.every(({ kind }) => kind === 'done'))
  assert.ok(most <= 256, `${most} answers in one turn`)
})
