/** `dfsp run` as a process, on librdkafka's mock cluster: what it does with input of every kind, and how it ends. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { decodeChunk } from '../../src/core/chunks/chunk-codec.ts'
import { fileId } from '../../src/core/chunks/generation.ts'
import { relativePath } from '../../src/core/chunks/output-path.ts'
import { journalPath } from '../../src/files/journal.ts'
import { realEdges } from '../../src/run/edges.ts'
import { runCli } from '../support/cli.ts'
import { encoded, onlyChunk, recordsOf } from '../support/files.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { type Steered, steered } from '../support/steered.ts'
import { readCommitted } from '../support/topics.ts'

// Side by side: most of their time is the mock cluster's wait for further members of a new group.
describe('run', { concurrency: 4 }, () => {
  let mock: MockCluster
  before(async () => {
    mock = await startMock()
  })
  after(async () => {
    await mock.end()
  })

  const good = (path: string, partition?: number) =>
    recordsOf({ path, content: randomBytes(3_000) }, partition)
  const hostile = (filename: string, subdir = '') => {
    return { key: 'k', value: encoded(onlyChunk('x', { filename, subdir })), partition: 0 }
  }
  const junk = [
    { partition: 0, key: null, value: Buffer.from('{"temperature": 4.2}') },
    { partition: 0, key: null, value: Buffer.from('plain text\n') },
    { partition: 0, key: null, value: randomBytes(500) },
    hostile('x', '../../etc'),
    hostile('/etc/passwd'),
  ]
  // The mock cluster keeps a member that has left until its session ends.
  const soon = ['-X', 'session.timeout.ms=4000', '-X', 'heartbeat.interval.ms=500']
  const args = (topic: string) => [
    ...soon,
    '-b',
    mock.brokers,
    '-t',
    topic,
    '-g',
    topic,
    '--retries',
    '0',
    '--until-end',
  ]
  const committed = async (topic: string) =>
    (await readCommitted(mock.brokers, topic, topic)).map(c => c.offset ?? 0)

  test('of a plugin and a broker that are both at fault the plugin is told', async t => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-both-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    fs.writeFileSync(join(folder, 'p.mjs'), 'export default 4\n')
    const { code, stderr } = await runCli(['run', '-p', 'p.mjs', '-b', '127.0.0.1:1', '-t', 'x'], {
      cwd: folder,
    })
    assert.equal(code, 78)
    assert.match(stderr, /p\.mjs exports a value of type number.*\[E_PLUGIN\]/)
    assert.doesNotMatch(stderr, /127\.0\.0\.1:1/)
  })

  for (const mode of ['memory', 'disk'])
    test(`a message in the name of the journal or the log is told and held, and lost is nothing, in --mode ${mode}`, async t => {
      const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-own-'))
      t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
      const topic = `own-${mode}`
      const journal = journalPath('', topic, topic)
      const sent = [journal, 'LOGS/save.log', '.DFSP-tmp/x', 'a/good.csv']
      await mock.produceRaw(
        topic,
        sent.flatMap(path => good(path, 0)),
      )
      const save = ['run', '-p', 'save', '--mode', mode, '-o', 'out', '--journal', ...args(topic)]
      const first = await runCli(save, { cwd: folder })
      assert.equal(first.code, 3, first.stderr)
      assert.match(
        first.stderr,
        /undecodable record .*: path "\.dfsp-journal-[0-9a-f]{16}": .* is kept for dfsp's own/,
      )
      assert.match(first.stderr, / done=1 .*undecodable=9 /)
      assert.match(fs.readFileSync(join(folder, 'out/LOGS/save.log'), 'utf8'), /summary|done=1/)
      assert.equal(fs.readFileSync(join(folder, 'out', journal), 'latin1').slice(0, 12), 'dfsp-journal')
      assert.deepEqual(fs.readdirSync(join(folder, 'out')).sort(), [journal, 'LOGS', 'a'])
      const again = await runCli(save, { cwd: folder })
      assert.equal(again.code, 3, again.stderr)
    })

  test('of more files side by side than --memory has room for each start gets some done, and says that others were let go', async t => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-side-by-side-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    fs.writeFileSync(join(folder, 'null.mjs'), 'export default () => null\n')
    const parent = Array.from({ length: 15 }, () => 'p'.repeat(250)).join('/')
    const files = Array.from({ length: 900 }, (_, i) =>
      recordsOf({ path: `${parent}/${i}`, content: randomBytes(20), chunkSize: 10 }),
    )
    for (const chunk of [0, 1])
      await mock.produceRaw(
        'side-by-side',
        files.map(records => records[chunk] as (typeof records)[number]),
      )
    const run = () =>
      runCli(['run', '-p', 'null.mjs', '--memory', '16MiB', ...args('side-by-side')], { cwd: folder })
    const first = await run()
    assert.equal(first.code, 3, first.stderr)
    assert.match(
      first.stderr,
      /were let go \d+ times for want of --memory: start again, or give more --memory/,
    )
    assert.doesNotMatch(first.stderr, /held until/)
    const again = await run()
    assert.equal(again.code, 0, again.stderr)
  })

  test('a journal that is garbage, or forged by a file of an earlier version, costs no file and no start', async t => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-forged-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const records = good('a/good.csv', 0)
    await mock.produceRaw('forged', records)
    const chunk = decodeChunk(records[0]?.value)
    assert.ok(chunk.kind === 'chunk')
    const key = Buffer.from(realEdges.digest128(fileId('a/good.csv', chunk)), 'latin1')
    const crc = Buffer.alloc(4)
    crc.writeUInt32LE(crc32(key))
    const journal = journalPath(join(folder, 'out'), 'forged', 'forged')
    fs.mkdirSync(join(folder, 'out'))
    fs.writeFileSync(journal, Buffer.concat([Buffer.from('dfsp-journal v1\n'), key, crc]))
    const save = ['run', '-p', 'save', '-o', 'out', '--journal', ...args('forged')]
    const first = await runCli(save, { cwd: folder })
    assert.equal(first.code, 0, first.stderr)
    assert.match(
      first.stderr,
      /warn the journal .* is not as dfsp makes it: its rights are 644, not 600\. It is set aside/,
    )
    assert.match(first.stderr, / done=1 /)
    assert.ok(fs.existsSync(join(folder, 'out/a/good.csv')))
    fs.writeFileSync(journal, 'garbage')
    const second = await runCli(save, { cwd: folder })
    assert.equal(second.code, 0, second.stderr)
    assert.match(second.stderr, /it begins with "garbage"/)
  })

  test('every name that dfsp uses in the output folder is refused to messages', async t => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-names-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    fs.writeFileSync(
      join(folder, 'p.mjs'),
      `import fs from 'node:fs'
       export default (file, ctx) => {
         ctx.tmpDir
         fs.appendFileSync('names', fs.readdirSync(ctx.outputDir).join('\\n') + '\\n')
         return null
       }`,
    )
    await mock.produceRaw(
      'names',
      ['a', 'b', 'c'].flatMap(path => good(path)),
    )
    const { code, stderr } = await runCli(
      ['run', '-p', 'p.mjs', '-o', 'out', '--journal', ...args('names')],
      {
        cwd: folder,
      },
    )
    assert.equal(code, 0, stderr)
    const during = fs.readFileSync(join(folder, 'names'), 'utf8').trim().split('\n')
    const names = new Set([...during, ...fs.readdirSync(join(folder, 'out'))])
    assert.ok(names.size >= 3, [...names].join())
    for (const name of names) assert.ok('refused' in relativePath('', name, ''), name)
  })

  test('junk in the topic is held and reported once, files around it are processed, the run ends with 3', async t => {
    const plugin = ownPlugin(t)
    await mock.produceRaw('junk', [
      ...good('before.dat', 0),
      ...junk,
      ...good('after.dat', 0),
      { partition: 0, key: 'gone', value: null },
    ])
    const result = await plugin.run(args('junk'))
    assert.equal(result.code, 3, result.stderr)
    assert.deepEqual(plugin.ended().sort(), ['after.dat', 'before.dat'])
    assert.equal(
      result.stderr.match(
        /undecodable record junk\[0\]@3 \(20 B\): not a msgpack array.* it looks like JSON/g,
      )?.length,
      1,
    )
    assert.match(result.stderr, /summary done=2 .*undecodable=5 .*exit=3\s*$/)
    assert.doesNotMatch(result.stderr, /^\s+at /m)
    assert.equal((await committed('junk'))[0], 3, 'the first record that is no chunk keeps the offset')
    assert.ok(!fs.existsSync(join(plugin.folder, '..', 'etc')))

    plugin.forget()
    const skipping = await plugin.run([...args('junk'), '--on-error', 'skip'])
    assert.equal(skipping.code, 3, skipping.stderr)
    assert.equal((await committed('junk'))[0], 3 + 5 + 3 + 1)
  })

  test('--json prints one object per line on stdout: each file, then the summary last', async t => {
    const plugin = ownPlugin(t)
    await mock.produceRaw('json', [...good('a/one.dat', 1), ...good('two.dat', 2)])
    plugin.order({ 'two.dat': 'fail' })
    const result = await plugin.run([...args('json'), '--json'])
    plugin.order({})
    const lines = result.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.ok(lines.every(line => line.v === 1))
    const files = Object.fromEntries(lines.filter(l => l.type === 'file').map(l => [l.path, l]))
    assert.equal(files['a/one.dat'].result, 'ok')
    assert.deepEqual(files['a/one.dat'].partitions, { 1: [0, 2] })
    assert.equal(files['two.dat'].result, 'failed')
    assert.match(files['two.dat'].error, /^told to fail at steered\.mjs:\d+:\d+$/)
    const last = lines.at(-1)
    assert.equal(last.type, 'summary')
    assert.deepEqual([last.done, last.failed, last.exit], [1, 1, 3])
  })

  test('--on-error stop ends the run at the first file that fails', async t => {
    const plugin = ownPlugin(t)
    await mock.produceRaw('stop', good('bad.dat', 0))
    plugin.order({ 'bad.dat': 'fail' })
    const result = await plugin.run([
      '-b',
      mock.brokers,
      '-t',
      'stop',
      '-g',
      'stop',
      '--retries',
      '0',
      '--on-error',
      'stop',
    ])
    plugin.order({})
    assert.equal(result.code, 3, result.stderr)
    assert.equal((await committed('stop'))[0], 0)
  })

  test('fault 61: with no thread left and no room for another it pauses, and ends with 75; nothing is given up', async t => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-no-thread-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const plugin = `import fs from 'node:fs'
const error = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
if (fs.existsSync('loaded')) throw error
fs.writeFileSync('loaded', '')
export default () => process.exit(1)
`
    fs.writeFileSync(join(folder, 'p.mjs'), plugin)
    await mock.produceRaw('no-thread', [...good('a', 0), ...good('b', 0)])
    const retried = args('no-thread').map(arg => (arg === '0' ? '5' : arg))
    const call = ['run', '-p', 'p.mjs', ...retried, '--threads', '1']
    const { code, stderr } = await runCli(call, { cwd: folder })
    assert.equal(code, 75, stderr)
    assert.match(
      stderr,
      /warn no further plugin thread can be started: p\.mjs.*EMFILE.*tried again every 10 s/,
    )
    assert.match(stderr, /paused: no further plugin thread can be started.*\[E_BREAKER\]/)
    assert.match(stderr, /nothing can be processed: no further plugin thread can be started/)
    assert.doesNotMatch(stderr, /held|given up:|E_PLUGIN/)
    assert.equal((await committed('no-thread'))[0], 0)
  })

  test('--files passes others over, --max-files ends after so many, --dry-run says what waits and joins nothing', async t => {
    const plugin = ownPlugin(t)
    await mock.produceRaw(
      'some',
      ['x/1', 'x/2', 'y/1', 'y/2'].flatMap(path => good(path, 0)),
    )
    plugin.forget()
    const dry = await plugin.run([...args('some'), '--dry-run'])
    assert.equal(dry.code, 0, dry.stderr)
    assert.match(dry.stdout, /^group +some is new, begins at earliest$/m)
    assert.match(dry.stdout, /^waiting +4 files \(11\.7 KiB\) in 12 records$/m)
    assert.deepEqual(plugin.started(), [])
    assert.equal((await committed('some'))[0], 0)
    const one = await plugin.run([...args('some'), '--files', '^x/', '--max-files', '1'])
    assert.equal(one.code, 0, one.stderr)
    assert.equal(plugin.ended().length, 1)
    const rest = await plugin.run([...args('some'), '--files', '^x/'])
    assert.equal(rest.code, 0, rest.stderr)
    assert.deepEqual([...new Set(plugin.ended())].sort(), ['x/1', 'x/2'])
  })

  test('incomplete files are named with chunks and age, also with -q; they end the run with 3 once they wait too long', async t => {
    const plugin = ownPlugin(t)
    await mock.produceRaw('part', good('part.dat', 0).slice(0, 2))
    const result = await plugin.run(args('part'))
    assert.equal(result.code, 0, result.stderr)
    assert.match(result.stderr, /incomplete=1 .*incomplete_files=part\.dat/)
    const named = /^\S+ warn incomplete part\.dat: 2 of 3 chunks, the newest sent \S+ s ago; held/m
    assert.match(result.stderr, named)
    for (const ends of [['--until-end'], ['--max-files', '1']]) {
      const quiet = [...args('part').filter(arg => arg !== '--until-end'), ...ends, '-q']
      if (ends[0] === '--max-files') await mock.produceRaw('part', good('whole.dat', 0))
      const late = await plugin.run([...quiet, '--incomplete-after', '1ms'])
      assert.equal(late.code, 3, late.stderr)
      assert.match(late.stderr, named)
    }
  })

  test('--max-files counts finished files: behind those that are held each run gets further', async t => {
    const plugin = ownPlugin(t)
    const bad = ['bad/1', 'bad/2']
    plugin.order(Object.fromEntries(bad.map(path => [path, 'fail' as const])))
    await mock.produceRaw(
      'behind',
      [...bad, 'f/1', 'f/2', 'f/3', 'f/4'].flatMap(path => good(path, 0)),
    )
    for (const ends of [[], ['--until-end']]) {
      const plain = args('behind').filter(arg => arg !== '--until-end')
      const result = await plugin.run([...plain, '--max-files', '2', ...ends])
      assert.equal(result.code, 3, result.stderr)
      assert.match(result.stderr, /summary done=2 failed=2/)
    }
    assert.deepEqual(plugin.ended().toSorted(), ['f/1', 'f/2', 'f/3', 'f/4']) // two threads
    // Where nothing is left but what fails, it does not wait for files that may never come.
    const last = await plugin.run([...args('behind').filter(a => a !== '--until-end'), '--max-files', '2'])
    assert.equal(last.code, 3, last.stderr)
    assert.match(last.stderr, /summary done=0 failed=2/)
  })

  test('an unset variable of the config file ends with 78 and names file, line and variable', async t => {
    const plugin = ownPlugin(t)
    const config = join(plugin.folder, 'lab.config')
    fs.writeFileSync(config, `[broker]\nbootstrap.servers = ${mock.brokers}\nsasl.password = $NO_SUCH_PW\n`)
    const result = await runCli(['run', '-p', 'save', '-c', config, '-t', 'x'], { cwd: plugin.folder })
    assert.equal(result.code, 78)
    assert.match(result.stderr, /lab\.config:3: \$NO_SUCH_PW is not set/)
  })
})

function ownPlugin(t: TestContext): Steered {
  const plugin = steered()
  t.after(() => plugin.end())
  return plugin
}
