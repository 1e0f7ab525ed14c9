import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { decodeChunk } from '../../src/core/chunks/chunk-codec.ts'
import { partitionOfKey } from '../../src/core/chunks/murmur2.ts'
import { type CliResult, runCli, startCli } from '../support/cli.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { freePorts } from '../support/ports.ts'
import { readAll, topicNames } from '../support/topics.ts'
import { makeTree, readTree, removeTree } from '../support/trees.ts'

const FILES = {
  'scan.csv': 'angle,counts\n1,2\n',
  'empty.dat': '',
  'a/b c/größe;1.csv': 'ü',
  'a/日本/big.raw': randomBytes(1_200_000),
  '.hidden/x.csv': 'x',
  'a/.dot': 'x',
  'run.log': 'x',
}
const SENT = ['a/b c/größe;1.csv', 'a/日本/big.raw', 'empty.dat', 'scan.csv']

let mock: MockCluster
let data: string
before(async () => {
  mock = await startMock()
  data = makeTree(FILES)
})
after(async () => {
  removeTree(data)
  await mock.end()
})

const upload = (...args: string[]) => runCli(['upload', ...args, '-b', mock.brokers])
const jsonLines = ({ stdout }: CliResult) =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

describe('upload', { concurrency: 4 }, () => {
  // First: it waits 10 s for a connection while the others run.
  test('a broker that is not there is status 69', async () => {
    const result = await runCli(['upload', data, '-t', 'x', '-b', `127.0.0.1:${await freePorts(1)}`])
    assert.equal(result.code, 69)
    assert.match(result.stderr, /^dfsp: cannot reach .*\[E_BROKER_UNREACHABLE\]/)
  })

  test('a folder arrives byte for byte: empty files, sub-folders, any name, times', async () => {
    const sent = await upload(data, '-t', 'whole', '--partition-by', 'key')
    assert.equal(sent.code, 0, sent.stderr)
    const out = makeTree()
    const run = await runCli([
      'run',
      '-p',
      'save',
      '-t',
      'whole',
      '-b',
      mock.brokers,
      '-o',
      out,
      '--until-end',
    ])
    assert.equal(run.code, 0, run.stderr)

    const arrived = readTree(out, { without: ['LOGS'] })
    const expected = readTree(data)
    assert.deepEqual(Object.keys(arrived).sort(), SENT)
    for (const name of SENT) {
      assert.equal(arrived[name]?.content, expected[name]?.content, name)
      assert.ok(Math.abs((arrived[name]?.mtime ?? 0) - 1_700_000_000.25) < 0.002, `time of ${name}`)
    }
    removeTree(out)
  })

  test('names that no record can carry are told and counted, the others arrive: in a folder and named', {
    skip: process.platform !== 'linux' && 'other systems take no such names',
  }, async () => {
    const tree = makeTree({ 'new\nline.csv': '1', 'esc\x1b[2J.csv': '2', 'LOGS/x.csv': '3' })
    writeFileSync(Buffer.from(join(tree, 'bad\xff.dat'), 'latin1'), 'x')
    const whole = await upload(tree, '-t', 'names', '--json')
    assert.equal(whole.code, 3, whole.stderr)
    assert.match(
      whole.stderr,
      /failed .*bad\\xff\.dat: has a name that is not UTF-8, which no record can carry/,
    )
    assert.match(whole.stderr, /failed .*LOGS\/x\.csv: .* is kept for dfsp's own files, which readers refuse/)
    const { files, failed } = jsonLines(whole).at(-1)
    assert.deepEqual([files, failed], [2, 2])
    const named = await runCli(
      ['upload', 'bad\ufffd.dat', 'new\nline.csv', '-t', 'named', '-b', mock.brokers],
      {
        cwd: tree,
      },
    )
    assert.equal(named.code, 3, named.stderr)
    assert.match(named.stderr, /failed bad.\.dat: has a name that is not UTF-8/)
    assert.match(named.stderr, /summary files=1 failed=1/)
    removeTree(tree)
  })

  test('--json gives a line for each file and the summary last', async () => {
    const result = await upload(data, '-t', 'lines', '--json', '--chunk-size', '500KiB')
    const lines = jsonLines(result)
    assert.deepEqual(
      lines
        .slice(0, -1)
        .map(line => line.path)
        .sort(),
      SENT,
    )
    const big = lines.find(line => line.path === 'a/日本/big.raw')
    assert.deepEqual([big.type, big.result, big.bytes, big.chunks], ['file', 'ok', 1_200_000, 3])
    const { seconds, ...summary } = lines.at(-1)
    assert.equal(typeof seconds, 'number')
    const bytes = 1_200_000 + Buffer.byteLength('ü') + FILES['scan.csv'].length
    assert.deepEqual(summary, { v: 1, type: 'summary', files: 4, failed: 0, bytes, chunks: 6, exit: 0 })
  })

  test('--partition-by path puts all chunks of a file into the partition of its path', async () => {
    await upload(data, '-t', 'by-path', '--chunk-size', '10KiB', '--subdir', 'run7/')
    const records = await readAll(mock.brokers, 'by-path')
    assert.equal(records.length, 1 + 1 + 1 + 118)
    for (const { partition, value } of records) {
      const chunk = decodeChunk(value)
      assert.ok(chunk.kind === 'chunk')
      assert.equal(partition, partitionOfKey(Buffer.from(`${chunk.subdir}/${chunk.filename}`), 4))
    }
  })

  test('--partition-by key scatters them, with the same keys', async () => {
    await upload(
      join(data, 'a/日本/big.raw'),
      '-t',
      'by-key',
      '--partition-by',
      'key',
      '--chunk-size',
      '10KiB',
    )
    const records = await readAll(mock.brokers, 'by-key')
    assert.equal(new Set(records.map(r => r.partition)).size, 4)
    assert.ok(records.some(r => r.key?.toString() === '_big.raw_chunk_118_of_118'))
  })

  test('--dry-run lists what would be sent, and asks no broker', async () => {
    const result = await runCli(['upload', data, '--dry-run', '--include', 'raw$|log$', '--subdir', 's'])
    assert.equal(result.code, 0, result.stderr)
    assert.equal(result.stdout, 's/a/日本/big.raw  1.1 MiB  3 chunks\ns/run.log  1 B  1 chunk\n')
  })

  test('a file that is named is sent whatever its name', async () => {
    const result = await upload(join(data, 'run.log'), join(data, 'a/.dot'), '-t', 'named', '--json')
    assert.deepEqual(
      jsonLines(result)
        .slice(0, -1)
        .map(line => line.path)
        .sort(),
      ['.dot', 'run.log'],
    )
  })

  test('of two files with one path the second is refused', async () => {
    const other = makeTree({ 'scan.csv': 'other' })
    const result = await upload(join(data, 'scan.csv'), other, '-t', 'twice')
    assert.equal(result.code, 3)
    assert.match(result.stderr, /failed .*scan\.csv: would overwrite .*scan\.csv, which has the same path/)
    removeTree(other)
  })

  test('a file that cannot be read is named, the others are sent, the status is 3', async () => {
    const folder = makeTree({ 'good.csv': '1' })
    symlinkSync(join(folder, 'nowhere'), join(folder, 'broken.csv'))
    symlinkSync(folder, join(folder, 'round'))
    writeFileSync(join(folder, 'back\\slash.csv'), '1')
    const result = await upload(folder, '-t', 'unreadable', '--json')
    assert.equal(result.code, 3)
    const lines = jsonLines(result)
    assert.deepEqual(lines.map(line => line.result).sort(), ['failed', 'failed', 'ok', undefined])
    assert.match(result.stderr, /failed .*broken\.csv: does not exist/)
    assert.match(result.stderr, /failed .*slash\.csv: .* contains .*which readers refuse/)
    removeTree(folder)
  })

  test('where nothing can be sent no topic is made', {
    skip: process.platform !== 'linux' && 'other systems take no such names',
  }, async () => {
    const folder = makeTree({ 'LOGS/x.csv': '1' })
    mkdirSync(join(folder, 'empty'))
    writeFileSync(Buffer.from(join(folder, 'bad\xff.dat'), 'latin1'), 'x')
    symlinkSync(join(folder, 'nowhere'), join(folder, 'broken.csv'))
    for (const [paths, code] of [
      [['bad\ufffd.dat'], 3],
      [['.'], 3],
      [['empty'], 0],
      [['bad\ufffd.dat', 'empty'], 3],
    ] as const) {
      const args = ['upload', ...paths, '-t', 'never-made', '-b', mock.brokers]
      const result = await runCli(args, { cwd: folder })
      assert.equal(result.code, code, result.stderr)
      assert.match(result.stderr, /summary files=0/)
    }
    assert.ok(!(await topicNames(mock.brokers)).includes('never-made'))
    removeTree(folder)
  })

  test('an empty folder is told of', async () => {
    const folder = makeTree()
    mkdirSync(join(folder, 'sub'))
    const result = await upload(folder, '-t', 'nothing')
    assert.equal(result.code, 0)
    assert.match(result.stderr, /found no file to send; without --include/)
    const meant = await upload(folder, '-t', 'nothing', '--include', 'sub/*.csv')
    assert.match(
      meant.stderr,
      /no file to send that matches --include sub\\?\/\*\.csv, a regular expression: for \*\.csv write/,
    )
    removeTree(folder)
  })

  test('Ctrl-C ends it with 130 and says which files are whole', async () => {
    const folder = makeTree({ '1-small.csv': '1', '2-large.raw': '' })
    truncateSync(join(folder, '2-large.raw'), 2 ** 31)
    const cli = startCli(['upload', folder, '-t', 'stopped', '-b', mock.brokers, '-v', '--json'])
    await cli.waitFor(/"path":"1-small.csv","result":"ok"/)
    cli.kill('SIGINT')
    const result = await cli.done
    assert.equal(result.code, 130)
    assert.match(result.stderr, /failed 2-large\.raw: stopped before its end/)
    assert.match(result.stderr, /1 file is whole on the topic: 1-small\.csv/)
    assert.equal(jsonLines(result).at(-1).exit, 130)
    removeTree(folder)
  })

  test('wrong calls say what is wrong', async () => {
    const results = await Promise.all([
      upload(join(data, 'nix'), '-t', 'x'),
      upload(data),
      runCli(['upload', data, '-t', 'x']),
      upload(data, '-t', 'absent', '-X', 'allow.auto.create.topics=false'),
      upload(data, '-t', 'x', '--chunk-size', '2MiB', '-X', 'message.max.bytes=1000000'),
      upload(data, '-t', 'x', '--subdir', '../up'),
    ])
    const told = results.map(({ code, stderr }) => `${code} ${stderr.split('\n')[0]}`)
    assert.match(told[0] as string, /^66 dfsp: .*nix: does not exist \[E_NOT_FOUND\]/)
    assert.match(told[1] as string, /^2 dfsp: no topic given \[E_USAGE\]/)
    assert.match(told[2] as string, /^2 dfsp: no broker given \[E_NO_BROKER\]/)
    assert.match(told[3] as string, /^69 dfsp: topic "absent" does not exist \[E_TOPIC_MISSING\]/)
    assert.match(told[4] as string, /^2 dfsp: a chunk of 2097152 bytes does not fit/)
    assert.match(told[5] as string, /^2 dfsp: --subdir: sub-directory ".." leaves its directory/)
  })
})
