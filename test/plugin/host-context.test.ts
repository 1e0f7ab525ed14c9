/** What a plugin is given besides the file: settings, logger, lock, produce, a folder of its own. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { MOST_UNTAKEN } from '../../src/plugin/log-flow.ts'
import type { OutgoingRecord } from '../../src/plugin/plugin.ts'
import { faultIn, type HostOptions, openHost } from './hosts.ts'

const DONE = { kind: 'done' }

test('options, config sections, state and output folder reach the plugin', async t => {
  const setup = { options: { column: 2 }, sections: { plugin: { key: 'v' }, s3: { region: 'eu' } } }
  const { run, messages, outputDir } = await openHost(t, { setup })
  assert.deepEqual(await run('tell the context'), DONE)
  assert.deepEqual(JSON.parse(messages().at(-1) as string), {
    options: { column: 2 },
    key: 'v',
    s3: { region: 'eu' },
    none: {},
    state: { threads: 1, made: 'in setup' },
    outputDir,
  })
})

test('the logger’s entries carry level, fields and the file; those of setup no file', async t => {
  const { run, logs } = await openHost(t)
  await run('log anything', { path: 'a/scan.csv' })
  const [fromSetup, odd] = logs
  assert.equal(fromSetup?.path, undefined)
  assert.equal(odd?.level, 'warn')
  assert.equal(odd?.path, 'a/scan.csv')
  assert.equal(odd?.thread, 1)
})

test('whatever is logged harms nobody: numbers and booleans arrive as they are, anything else as text', async t => {
  const { run, logs } = await openHost(t)
  assert.deepEqual(await run('log anything'), DONE)
  const [, odd, five] = logs
  assert.equal(five?.message, '5')
  const { loop, s, ...fields }: Record<string, unknown> = { ...odd?.fields }
  assert.match(loop as string, /"\(circular\)"/)
  assert.equal(s, 'Symbol(s)')
  assert.deepEqual(
    Object.entries(fields),
    Object.entries({
      ...{ big: '1', fn: '() => {}', none: 'undefined', e: 'inner' },
      ...{ n: 5, ok: true, nan: 'NaN', list: '[1,{"n":2}]', ['__proto__']: '{"polluted":true}' },
    }),
  )
})

test('what the plugin prints goes to the log, each line with its file', async t => {
  const { run, logged } = await openHost(t)
  assert.deepEqual(await run('print', { path: 'a/scan.csv' }), DONE)
  for (const [line, level] of [
    [/^a line of 2$/, 'info'],
    [/^printed$/, 'error'],
    [/^\{ a: 1 \}$/, 'warn'],
  ] as const) {
    const entry = await logged(line)
    assert.equal(entry.level, level)
    assert.equal(entry.path, 'a/scan.csv')
  }
  assert.equal((await logged(/^raw text$/)).level, 'info')
})

test('a progress bar is a line each time it is drawn', async t => {
  const { run, logged, messages } = await openHost(t)
  assert.deepEqual(await run('draw a progress bar'), DONE)
  await logged(/^100 %$/)
  assert.equal(messages().filter(line => line.endsWith(' %')).length, 101)
})

test('a plugin that logs faster than it is written waits: all arrives, and the main thread does other things', async t => {
  let turns = 0
  let isOver = false
  const turn = () => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  const { run, messages } = await openHost(t)
  turn()
  assert.deepEqual(await run('log without end'), DONE)
  isOver = true
  assert.equal(messages().filter(message => message.startsWith('entry ')).length, 20_000)
  assert.ok(turns >= 20_000 / MOST_UNTAKEN, `${turns} turns`)
})

test('of what is huge the beginning crosses the border', async t => {
  const { run, logs, logged } = await openHost(t)
  const fault = faultIn(await run('tell something huge'))
  assert.ok(fault.message.length < 10_000 && (fault.stack ?? '').length < 20_000)
  await logged(/^x+… \(20,000,000 characters\)$/)
  for (const entry of logs) assert.ok(JSON.stringify(entry).length < 30_000)
})

test('what is thrown and cannot be looked at costs the attempt', async t => {
  const { run } = await openHost(t)
  assert.match(faultIn(await run('throw what cannot be looked at')).message, /cannot be shown/)
  assert.deepEqual(await run('print'), DONE)
})

test('the temporary folder is the attempt’s own, on the disk of the output, and removed after it', async t => {
  const { run, messages, outputDir } = await openHost(t, { threads: 2 })
  await Promise.all([run('use the temporary folder'), run('use the temporary folder')])
  const told = messages()
    .slice(2)
    .map(m => JSON.parse(m))
  assert.equal(new Set(told.map(({ tmpDir }) => tmpDir)).size, 2)
  for (const { tmpDir, files } of told) {
    assert.deepEqual(files, ['scratch'])
    assert.ok(tmpDir.startsWith(outputDir + path.sep))
    assert.equal(fs.existsSync(tmpDir), false)
  }
})

// ---- lock

/** A host whose `produce` calls wait until the test answers them. */
async function held(t: TestContext, options: HostOptions = {}) {
  const calls: { readonly record: OutgoingRecord; answer(error?: Error): void }[] = []
  const waiting: (() => void)[] = []
  const open = await openHost(t, {
    ...options,
    produce: record =>
      new Promise((resolve, reject) => {
        calls.push({ record, answer: error => (error ? reject(error) : resolve()) })
        for (const told of waiting.splice(0)) told()
      }),
  })
  const call = async (i: number) => {
    while (calls.length <= i) await new Promise<void>(told => waiting.push(told))
    return calls[i] as (typeof calls)[number]
  }
  return { ...open, calls, call }
}

test('one lock serves all threads, in the order in which they asked', async t => {
  const { run, logged, call, calls } = await held(t, { threads: 3 })
  const work = []
  for (const name of ['first', 'second', 'third']) {
    work.push(run('take the lock', { path: name }))
    await logged(new RegExp(`^${name} has asked$`))
  }
  for (const [i, name] of ['first', 'second', 'third'].entries()) {
    const { record, answer } = await call(i)
    assert.equal(record.value, name)
    assert.equal(calls.length, i + 1, 'nobody else holds it')
    answer()
    await logged(new RegExp(`^answer of ${name}$`))
  }
  assert.deepEqual(await Promise.all(work), [DONE, DONE, DONE])
})

test('the lock is free again after its section has thrown', async t => {
  const { run, call } = await held(t)
  assert.equal(faultIn(await run('fail in the lock')).message, 'failed inside')
  const next = run('take the lock')
  ;(await call(0)).answer()
  assert.deepEqual(await next, DONE)
})

test('the lock is free again when the thread that holds it dies', async t => {
  const { run, call, logged } = await held(t, { threads: 2 })
  const holder = run('exit in the lock')
  const { answer } = await call(0)
  const next = run('take the lock', { path: 'next' })
  await logged(/^next has asked$/)
  answer()
  assert.equal(faultIn(await holder).message, 'the plugin called process.exit(1)')
  ;(await call(1)).answer()
  assert.deepEqual(await next, DONE)
})

test('a thread that dies while it waits for the lock keeps nobody waiting', async t => {
  const { run, call, messages } = await held(t, { threads: 2 })
  const holder = run('take the lock')
  const { answer } = await call(0)
  assert.equal(
    faultIn(await run('exit while waiting for the lock')).message,
    'the plugin called process.exit(1)',
  )
  const next = run('take the lock')
  answer()
  ;(await call(1)).answer()
  assert.deepEqual([await holder, await next], [DONE, DONE])
  assert.ok(!messages().includes('must not hold it'))
})

// ---- produce

test('a record reaches the broker’s side as it was given, and the file is done only after its answer', async t => {
  const { run, call, messages } = await held(t)
  let isDone = false
  const work = run('produce', { path: 'a/scan.csv' }).then(result => {
    isDone = true
    return result
  })
  const { record, answer } = await call(0)
  assert.deepEqual(
    { ...record, value: Buffer.from(record.value as Uint8Array).toString() },
    { topic: 'out', key: 'a/scan.csv', value: 'bytes', headers: { a: 'b' } },
  )
  assert.equal(isDone, false)
  answer()
  assert.deepEqual(await work, DONE)
  assert.equal(messages().at(-1), 'produced')
})

test('a record that the broker refused fails the attempt with its reason', async t => {
  const { run, call } = await held(t)
  const work = run('produce')
  ;(await call(0)).answer(new Error('message too large'))
  const fault = faultIn(await work)
  assert.deepEqual([fault.message, fault.environment], ['message too large', undefined])
})

test('a broker that takes no records is the environment, whatever the plugin makes of it', async t => {
  const { run, call } = await held(t)
  const work = run('produce')
  const away = Object.assign(new Error('timed out'), { code: 'E_ENVIRONMENT' })
  ;(await call(0)).answer(away)
  assert.deepEqual(faultIn(await work).environment, true)
})

test('an answer to a thread that is gone harms nobody', async t => {
  const { run, call } = await held(t, { timeoutMs: 1_000 })
  const work = run('produce')
  const { answer } = await call(0)
  assert.equal((await work).kind, 'failed')
  answer()
  assert.deepEqual(await run('null'), DONE)
})
