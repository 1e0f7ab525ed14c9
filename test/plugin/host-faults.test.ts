/** User code that does not keep to its call: it ends its thread, never ends, or fails when nobody waits for it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import v8 from 'node:v8'
import { isAlive } from '../../src/base/alive.ts'
import { assembly } from '../../src/core/chunks/assembly.ts'
import { threadsOf } from '../../src/plugin/host/thread.ts'
import { unendingThreads } from '../../src/plugin/host/unending.ts'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { until } from '../support/until.ts'
import { folderOf } from './folder.ts'
import { faultIn, openHost } from './hosts.ts'

const DONE = { kind: 'done' }

for (const action of ['exit', 'exit later'] as const)
  test(`fault 52: process.exit (${action}) costs its file an attempt, no other file anything`, async t => {
    const { run, messages } = await openHost(t, { threads: 2 })
    const [bad, ...good] = await Promise.all([
      run(action),
      ...Array.from({ length: 6 }, () => run('null later')),
    ])
    assert.equal(faultIn(bad as TaskResult).message, 'the plugin called process.exit(7)')
    for (const result of good) assert.deepEqual(result, DONE)
    assert.deepEqual(await run('null'), DONE)
    assert.equal(messages().filter(m => m.startsWith('onFailure')).length, 0)
  })

test('fault 52: what a thread has done before it ends counts, and what it has not begun is not its fault', async t => {
  const { host, run, job } = await openHost(t)
  const contents = [...Array(12).fill('null'), 'exit', 'null']
  const kindOf = async (content: string) => (await host.once({ kind: 'process', file: job(content) })).kind
  let kinds: string[]
  do {
    // So many are given ahead only where they are quick.
    while (host.free < contents.length) await run('null')
    kinds = await Promise.all(contents.map(kindOf))
    // From a thread that is late everything is taken back, on a machine under load.
  } while (kinds.slice(0, 13).includes('recalled'))
  assert.deepEqual(kinds, [...Array(12).fill('done'), 'failed', 'recalled'])
})

test('fault 52: the hook for an attempt whose thread is gone is called in another', async t => {
  const { host, run, job, messages } = await openHost(t)
  const result = await run('exit')
  assert.ok(result.kind === 'failed' && !result.hookCalled, JSON.stringify(result))
  const file = job('exit', { path: 'a/exits.csv', final: true })
  assert.deepEqual(await host.run({ kind: 'onFailure', file, fault: result.fault }), DONE)
  assert.equal(messages().at(-1), 'onFailure exits.csv: the plugin called process.exit(7) (final)')
})

test('fault 52: a heap that runs full costs its file an attempt, and the host survives', async t => {
  // Of heaps made from here on: the default takes half a minute to fill.
  v8.setFlagsFromString('--max-old-space-size=48')
  t.after(() => v8.setFlagsFromString('--max-old-space-size=0'))
  const { run } = await openHost(t, { threads: 2 })
  const [bad, good] = await Promise.all([run('fill the heap'), run('null later')])
  assert.equal(faultIn(bad).message, 'the plugin ran out of memory (JavaScript heap)')
  assert.deepEqual(good, DONE)
  assert.deepEqual(await Promise.all([run('null'), run('null')]), [DONE, DONE])
})

test('fault 53: a plugin that blocks its thread blocks neither the host nor other threads', async t => {
  const { run, logged, outputDir } = await openHost(t, { threads: 2 })
  let isBlocked = true
  const blocked = run('block until told').finally(() => {
    isBlocked = false
  })
  await logged(/^blocks$/)
  for (let i = 0; i < 10; i++) assert.deepEqual(await run('null later'), DONE)
  assert.ok(isBlocked)
  // Whoever stood still until now would not come to this.
  fs.writeFileSync(path.join(outputDir, 'go'), '')
  assert.deepEqual(await blocked, DONE)
})

test('fault 51: what hangs is ended at the time-out, other files go on', async t => {
  const { run } = await openHost(t, { threads: 3, timeoutMs: 1_000 })
  const hanging = [run('hang'), run('block for ever')]
  for (let i = 0; i < 5; i++) assert.deepEqual(await run('null later'), DONE)
  for (const result of await Promise.all(hanging))
    assert.equal(faultIn(result).message, 'timed out after 1 s')
  assert.deepEqual(await Promise.all([1, 2, 3].map(() => run('null later'))), [DONE, DONE, DONE])
})

test('fault 51: at the time-out the signal fires with the reason, and who obeys keeps the thread', async t => {
  const { run, messages } = await openHost(t, { timeoutMs: 1_000 })
  const result = await run('hang until aborted')
  assert.equal(faultIn(result).message, 'timed out after 1 s')
  assert.ok(messages().includes('aborted: timed out after 1 s'))
  assert.deepEqual(await run('null'), DONE)
  assert.equal(messages().filter(m => m === 'setup').length, 1)
})

test('fault 51: an attempt that timed out has failed, also when it answers null at last', async t => {
  const { run } = await openHost(t, { timeoutMs: 1_000 })
  assert.equal(faultIn(await run('null once aborted')).message, 'timed out after 1 s')
})

test('a failed attempt calls onFailure once, also when it obeyed the signal', async t => {
  const { run, messages } = await openHost(t, { timeoutMs: 1_000 })
  const result = await run('hang until aborted')
  const calls = messages().filter(m => m.startsWith('onFailure')).length
  assert.ok(result.kind === 'failed', JSON.stringify(result))
  assert.equal(calls, result.hookCalled ? 1 : 0)
})

test('the time-out is each file’s own: many short ones may take longer', async t => {
  const timeoutMs = 1_000
  const { run } = await openHost(t, { timeoutMs })
  const end = performance.now() + 2.5 * timeoutMs
  while (performance.now() < end) {
    const results = await Promise.all([run('null'), run('null later'), run('null')])
    assert.deepEqual(results, [DONE, DONE, DONE])
  }
})

test('fault 51: a hook that never ends is given up at the time-out, told, and other tasks go on', async t => {
  const hang = '() => new Promise(() => {})'
  const { 'p.mjs': p } = folderOf(t, {
    'p.mjs': `const hang = ${hang}\nexport { hang as onFailure, hang as onMismatch, hang as onUndecodable }
export default file => (file.text() === 'null' ? null : new Error('no columns'))`,
  })
  const { host, job, run, messages } = await openHost(t, { timeoutMs: 500, pluginUrl: p })
  const fault = { message: 'no columns', frames: [] }
  const file = job('bad')
  const record = { topic: 'xrd', head: Buffer.alloc(0) } as never
  for (const task of [
    { kind: 'onUndecodable', record },
    { kind: 'onFailure', file, fault },
    { kind: 'examine', file, actual: 'aa', chunks: assembly(1).chunks() },
  ] as const)
    assert.equal(faultIn(await host.run(task)).message, 'timed out after 0.5 s')
  assert.deepEqual(
    messages(),
    ['onUndecodable', 'onFailure', 'onMismatch'].map(hook => `${hook} failed: timed out after 0.5 s`),
  )
  assert.equal(faultIn(await run('bad')).message, 'timed out after 0.5 s')
  assert.deepEqual(await run('null'), DONE)
})

test('fault 20: what is aborted has its signal fired with the reason, and has failed', async t => {
  const { host, run, logged } = await openHost(t)
  const result = run('hang until aborted')
  await logged(/^hanging$/)
  host.abort('its partition was taken away')
  assert.equal(faultIn(await result).message, 'its partition was taken away')
  await logged(/^aborted: its partition was taken away$/)
})

test('fault 55: what settles twice has settled the first time', async t => {
  const { run, messages } = await openHost(t)
  assert.deepEqual(await run('settle twice'), DONE)
  assert.deepEqual(await run('null'), DONE)
  assert.deepEqual(messages(), ['setup'])
})

for (const [action, message] of [
  ['null, then throw in the same turn', 'thrown too late'],
  ['null, and an unhandled rejection', 'nobody waits'],
] as const)
  test(`fault 55: ${action} fails that file and never the next`, async t => {
    const { run } = await openHost(t)
    for (let i = 0; i < 4; i++) {
      const [bad, ...next] = await Promise.all([run(action), run('null'), run('null later')])
      assert.equal(faultIn(bad as TaskResult).message, message)
      assert.deepEqual(next, [DONE, DONE])
    }
  })

test('fault 55: what is thrown long after null is logged, and changes no result', async t => {
  const { run, logged } = await openHost(t)
  assert.deepEqual(await run('null, then throw later'), DONE)
  const { level, message } = await logged(/thrown later/)
  assert.equal(level, 'warn')
  assert.match(message, /^failed outside any call: thrown later at actions\.mjs:\d+:\d+$/)
  assert.deepEqual(await run('null'), DONE)
})

test('fault 55: what is thrown between two files fails neither of them', async t => {
  const startThread = threadsOf(new URL('./fixtures/late-worker.mjs', import.meta.url))
  const { run, messages } = await openHost(t, { startThread })
  assert.deepEqual(await Promise.all([run('a'), run('b'), run('c')]), [DONE, DONE, DONE])
  assert.ok(messages().filter(m => m === 'failed outside any call: too late').length >= 2)
})

test('fault 55: what is thrown aside while the call is pending fails the file', async t => {
  const { run } = await openHost(t)
  assert.equal(faultIn(await run('throw aside, then wait')).message, 'thrown aside')
  assert.deepEqual(await run('null'), DONE)
})

for (const [what, harm] of [
  ['takes performance away', 'globalThis.performance = undefined'],
  ['breaks performance.now', "performance.now = () => { throw new Error('broken') }"],
  ['breaks Atomics', "Atomics.compareExchange = Atomics.load = () => { throw new Error('broken') }"],
  ['breaks setImmediate', "globalThis.setImmediate = () => { throw new Error('broken') }"],
] as const)
  test(`a plugin that ${what} and answers null is done, and so are the next files`, async t => {
    const { run, messages } = await openHost(t, { pluginUrl: harmful(t, harm) })
    for (const content of ['bad', 'null', 'null']) assert.deepEqual(await run(content), DONE)
    assert.deepEqual(messages(), [])
  })

test('a plugin that breaks what dfsp answers with, and answers null, is done, not run again', async t => {
  const harm = "Array.prototype.push = () => { throw new Error('broken push') }"
  const { host, job, run, messages } = await openHost(t, { pluginUrl: harmful(t, harm) })
  assert.equal((await host.once({ kind: 'process', file: job('bad') })).kind, 'done')
  assert.match(messages().join(), /^failed outside any call: /)
  assert.deepEqual(await run('null'), DONE)
})

test('a plugin that breaks what dfsp needs after its call costs its file an attempt, each time', async t => {
  const { host, job, run } = await openHost(t, { pluginUrl: harmful(t, 'globalThis.Promise = undefined') })
  for (let attempt = 0; attempt < 3; attempt++) {
    const ended = await host.once({ kind: 'process', file: job('bad') })
    assert.match(faultIn(ended as TaskResult).message, /Promise is not a constructor/)
  }
  assert.deepEqual(await run('null'), DONE)
})

function harmful(t: TestContext, harm: string): string {
  const code = `export default file => { if (file.text() !== 'null') { ${harm} }; return null }`
  return folderOf(t, { 'p.mjs': code })['p.mjs']
}

for (const [what, command] of [
  ['a program', 'exec sleep 600'],
  ['a program that has started others and takes no SIGTERM', 'trap "" TERM; sleep 600; true'],
] as const)
  test(`fault 53: a thread that waits for ${what} is ended at the time-out, and the program with it`, {
    skip: process.platform !== 'linux',
  }, async t => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-blocked-'))
    t.after(() => fs.rmSync(folder, { recursive: true }))
    const pidFile = path.join(folder, 'pid')
    const { host, run } = await openHost(t, {
      timeoutMs: 1_000,
      pluginUrl: module(folder, `execSync('echo $$ > ${pidFile}; ${command}')`),
    })
    assert.equal(faultIn(await run('block')).message, 'timed out after 1 s')
    assert.deepEqual(await run('null'), DONE)
    await host.close(0)
    assert.equal(isAlive(Number(fs.readFileSync(pidFile, 'utf8'))), false)
    assert.equal(unendingThreads(), 0)
  })

test('fault 53: a thread in native code that nothing ends is not waited for, and is counted', {
  skip: process.platform !== 'linux',
}, async t => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-blocked-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const fifo = path.join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const { host, run } = await openHost(t, {
    timeoutMs: 1_000,
    pluginUrl: module(folder, `readFileSync('${fifo}')`),
  })
  assert.equal(faultIn(await run('block')).message, 'timed out after 1 s')
  assert.deepEqual(await run('null'), DONE)
  await host.close(0)
  assert.equal(unendingThreads(), 1)
  fs.writeFileSync(fifo, '') // else this process could not end either
})

/** A plugin that does `blocks` with each file but those that say "null". */
function module(folder: string, blocks: string): string {
  const file = path.join(folder, 'blocks.mjs')
  const imports = `import { execSync } from 'node:child_process'\nimport { readFileSync } from 'node:fs'\n`
  fs.writeFileSync(
    file,
    `${imports}export default file => { if (file.text() !== 'null') ${blocks}; return null }\n`,
  )
  return pathToFileURL(file).href
}

test('programs that user code waits for, and beside it, are killed where the process ends at once', {
  skip: process.platform !== 'linux' && 'elsewhere nobody tells which thread started a program',
}, async t => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-programs-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const pids = path.join(folder, 'pids')
  const plugin = path.join(folder, 'p.mjs')
  const script = `echo $$ >> ${pids}; exec sleep 600`
  fs.writeFileSync(
    plugin,
    `import { execFileSync, spawn } from 'node:child_process'
spawn('sh', ['-c', ${JSON.stringify(script)}], { stdio: 'ignore' }).unref()
export default () => execFileSync('sh', ['-c', ${JSON.stringify(script)}])
`,
  )
  const { host, run } = await openHost(t, { pluginUrl: pathToFileURL(plugin).href })
  const running = run('x')
  const started = () => (fs.existsSync(pids) ? fs.readFileSync(pids, 'utf8').trim().split('\n') : [])
  await until(() => started().length === 2)
  host.killPrograms()
  assert.equal((await running).kind, 'failed')
  await until(() => !started().some(pid => isAlive(Number(pid))))
})

test('a thread that takes the place of another tells when it is ready', async t => {
  let ready = 0
  let tell = () => {}
  const replaced = new Promise<void>(resolve => {
    tell = resolve
  })
  const { host, run } = await openHost(t, { onReady: () => ++ready > 1 && tell() })
  await run('exit')
  await replaced
  assert.equal(host.free > 0, true)
  assert.deepEqual(await run('null'), DONE)
})
