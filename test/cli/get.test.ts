/** `dfsp get` on librdkafka's mock cluster. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { recordsOf } from '../support/files.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { readTree } from '../support/trees.ts'
import { dfsp, folder } from './world.ts'

describe('get', () => {
  let mock: MockCluster
  const mtime = 1_700_000_000.25
  const newest = randomBytes(5_000)
  const twice = randomBytes(3_000)
  const sent = (path: string, content: Buffer, timestamp = 1_000) =>
    recordsOf({ path, content, mtime }).map(record => ({ ...record, timestamp }))
  /** The last byte of the value is of the mtime, the data end nine bytes before it. */
  const spoilt = (record: ReturnType<typeof sent>[number]) => {
    const value = Buffer.from(record.value as Buffer)
    value.writeUInt8(value.readUInt8(value.length - 20) ^ 1, value.length - 20)
    return { ...record, value }
  }
  before(async () => {
    mock = await startMock()
    const [first, ...rest] = sent('twice.dat', twice)
    await mock.produceRaw('xrd', [
      ...sent('a/x.dat', randomBytes(2_000), 1_000),
      ...sent('a/x.dat', newest, 2_000),
      ...sent('a/empty.dat', Buffer.alloc(0)),
      ...sent('part.dat', randomBytes(2_500), 1_000),
      ...sent('part.dat', randomBytes(4_500), 2_000).slice(1),
      spoilt(first as (typeof rest)[number]),
      first as (typeof rest)[number],
      ...rest,
      ...sent('bad.dat', randomBytes(1_500)).map(spoilt),
      ...sent('../out.dat', Buffer.from('evil')),
    ])
  })
  after(() => mock.end())

  const get = (t: TestContext, cwd = folder(t), ...args: string[]) =>
    dfsp(['get', '-b', mock.brokers, '-t', 'xrd', ...args], cwd)

  test('the newest content of each path is written with its time, also an empty one; the rest is told, exit 3', async t => {
    const cwd = folder(t)
    const { exit, stdout, stderr } = await get(t, cwd, '**', '-o', 'out', '--json')
    assert.equal(exit, 3, stderr)
    assert.deepEqual(readTree(cwd), {
      'out/a/empty.dat': { content: '', mtime },
      'out/a/x.dat': { content: newest.toString('base64'), mtime },
      'out/twice.dat': { content: twice.toString('base64'), mtime },
    })
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    const told = Object.fromEntries(
      lines.filter(l => l.type === 'file').map(l => [l.path, [l.result, l.error]]),
    )
    assert.deepEqual(told, {
      'a/empty.dat': ['ok', undefined],
      'a/x.dat': ['ok', undefined],
      'twice.dat': ['ok', undefined],
      'part.dat': [
        'incomplete',
        '4 of 5 chunks are there; an older content, sent 1970-01-01T00:00:01Z, is complete',
      ],
      'bad.dat': ['damaged', '0 of 2 chunks can be read, of 2 the SHA-512 is wrong'],
    })
    const { ok, incomplete, damaged, bytes } = lines.at(-1)
    assert.deepEqual({ ok, incomplete, damaged, bytes }, { ok: 3, incomplete: 1, damaged: 1, bytes: 8_000 })
  })

  test('what is asked for and not there ends it with 3 and the nearest name; what is there is written', async t => {
    const cwd = folder(t)
    const { exit, stdout } = await get(t, cwd, 'a/x.dta', 'twice.dat')
    assert.equal(exit, 3)
    assert.equal(stdout, 'FAIL  a/x.dta  missing: did you mean a/x.dat?\nok    twice.dat  2.9 KiB\n')
    assert.deepEqual(Object.keys(readTree(cwd)), ['twice.dat'])
    assert.equal((await get(t, cwd, 'a/')).exit, 0)
  })

  test('a symbolic link does not lead out of the folder, and a folder in the way is told', async t => {
    const cwd = folder(t, { 'out/twice.dat/in-the-way': '' })
    fs.mkdirSync(join(cwd, 'elsewhere'))
    fs.symlinkSync(join(cwd, 'elsewhere'), join(cwd, 'out/a'))
    const { exit, stdout } = await get(t, cwd, 'a/x.dat', 'twice.dat', '-o', 'out')
    assert.equal(exit, 3)
    assert.match(stdout, /^FAIL {2}a\/x\.dat {2}failed: .* is a symbolic link that leads out of /m)
    assert.match(
      stdout,
      /^FAIL {2}twice\.dat {2}failed: .*out\/twice\.dat is a folder, a file is needed there$/m,
    )
    assert.deepEqual(fs.readdirSync(join(cwd, 'elsewhere')), [])
    assert.deepEqual(fs.readdirSync(join(cwd, 'out')), ['a', 'twice.dat'])
  })

  test('it needs a path', async t => {
    const { error } = await get(t)
    assert.equal(error?.message, 'get: needs GLOB')
  })

  test('a file whose name is a pattern: told how to name it, and had by that', async t => {
    await mock.produceRaw('patterns', [
      ...sent('a/[x].csv', Buffer.from('x')),
      ...sent('{1,2}*.csv', Buffer.from('1')),
    ])
    const cwd = folder(t)
    const call = (...args: string[]) => dfsp(['get', '-b', mock.brokers, '-t', 'patterns', ...args], cwd)
    const first = await call('[x].csv', 'a/[y].csv')
    assert.equal(first.exit, 3)
    assert.match(first.stdout, /did you mean the file a\/\[x\]\.csv\? Write 'a\/\\\[x\]\.csv'/)
    assert.match(first.stdout, /a\/\[y\]\.csv.*nothing on the topic matches it/)
    const second = await call(String.raw`a/\[x].csv`, String.raw`\{1,2}\*.csv`, '-o', 'out')
    assert.equal(second.exit, 0, second.stdout)
    assert.deepEqual(Object.keys(readTree(cwd)).sort(), ['out/a/[x].csv', 'out/{1,2}*.csv'])
    for (const [args, message] of [
      [[''], 'get: GLOB is empty'],
      [['/'], '"/" is empty'],
      [['**', '-o', ''], '--output-dir: is empty'],
      [['**', '-c', ''], '--config: is empty'],
    ] as const)
      assert.equal((await call(...args)).error?.message, message)
    assert.equal((await call('/')).error?.next, 'a file, a folder, or ** for all')
    assert.match((await call('[x.csv')).error?.next ?? '', /'\\\[x\.csv'/)
  })
})
