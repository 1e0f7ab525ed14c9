/** `dfsp ls` on librdkafka's mock cluster. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { recordsOf, sha512 } from '../support/files.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { dfsp, folder } from './world.ts'

describe('ls', () => {
  let mock: MockCluster
  const at = (time: string) => Date.parse(time)
  const sent = (path: string, text: string, time: string) =>
    recordsOf({ path, content: Buffer.from(text), chunkSize: 10, mtime: 1_700_000_000.5 }).map(record => ({
      ...record,
      timestamp: at(time),
    }))
  before(async () => {
    mock = await startMock()
    await mock.produceRaw('xrd', [
      ...sent('a/x.csv', 'old content', '2026-01-01T00:00:00Z'),
      { partition: 1, key: 'odd', value: Buffer.from('{"no": "chunk"}'), headers: [{ 'h\u001b': 'v' }] },
      { partition: 1, key: null, value: null },
      ...sent('b/evil\u001b[31m.csv', 'x', '2026-01-02T00:00:00Z'),
      ...sent('b/part.tif', 'x'.repeat(35), '2026-01-03T00:00:00Z').slice(1),
      ...sent('a/x.csv', 'the new content of it', '2026-01-04T00:00:00Z'),
    ])
  })
  after(() => mock.end())

  const ls = (t: Parameters<typeof folder>[0], ...args: string[]) =>
    dfsp(['ls', '-b', mock.brokers, '-t', 'xrd', ...args], folder(t))

  test('each path once, with size, chunks, time and state; a name cannot move the cursor', async t => {
    const { exit, stdout, stderr } = await ls(t)
    assert.equal(exit, 0)
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      'a/x.csv             21 B  3/3  2026-01-04T00:00:00Z  complete',
      'b/evil\\x1b[31m.csv   1 B  1/1  2026-01-02T00:00:00Z  complete',
      'b/part.tif          25 B  3/4  2026-01-03T00:00:00Z  incomplete',
    ])
    assert.match(
      stderr,
      /^1 of 11 records is no chunk, the first xrd\[1\]@\d+: .*it looks like JSON\nLook: dfsp ls/,
    )
  })

  test('a very long name does not push the columns of the others away', async t => {
    const long = 'n'.repeat(200)
    await mock.produceRaw('long', [
      ...sent(long, 'x', '2026-01-02T00:00:00Z'),
      ...sent('a.csv', 'x', '2026-01-03T00:00:00Z'),
    ])
    const { stdout } = await dfsp(['ls', '-b', mock.brokers, '-t', 'long'], folder(t))
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      `${'a.csv'.padEnd(80)}  1 B  1/1  2026-01-03T00:00:00Z  complete`,
      `${long}  1 B  1/1  2026-01-02T00:00:00Z  complete`,
    ])
  })

  test('--all-generations, --long, --limit and a GLOB', async t => {
    const all = await ls(t, 'x.csv', '--all-generations', '--long')
    assert.match(all.stdout, /21 B.*complete\n.*sha512 [0-9a-f]{128}\n.*\n.*11 B.*complete, older content\n/)
    assert.ok(all.stdout.includes(sha512(Buffer.from('old content')).toString('hex')))
    const last = await ls(t, '--limit', '2')
    assert.deepEqual(last.stdout.match(/^\S+/gm), ['a/x.csv', 'b/part.tif'])
    assert.match((await ls(t, 'nothing/*')).stderr, /^no file among 11 records of xrd/m)
  })

  test('--json: an object a line, the summary last', async t => {
    const { stdout } = await ls(t, '--json')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ type, state }) => [type, state]),
      [
        ['file', 'complete'],
        ['file', 'complete'],
        ['file', 'incomplete'],
        ['summary', undefined],
      ],
    )
    const { path, bytes, chunks, present, sent, modified, newest, generations } = lines[0]
    assert.deepEqual(
      { path, bytes, chunks, present, sent, modified, newest, generations },
      {
        ...{ path: 'a/x.csv', bytes: 21, chunks: 3, present: 3, newest: true, generations: 2 },
        ...{ sent: '2026-01-04T00:00:00.000Z', modified: '2023-11-14T22:13:20.500Z' },
      },
    )
    const { files, records, empty, undecodable, exit } = lines[3]
    assert.deepEqual(
      { files, records, empty, undecodable, exit },
      { files: 3, records: 11, empty: 1, undecodable: 1, exit: 0 },
    )
  })

  test('--raw shows a record and why it is no chunk, or what it is; a missing one is an error that says what there is', async t => {
    const found = await ls(t, '--json')
    const { partition, offset } = JSON.parse(found.stdout.trimEnd().split('\n').at(-1) ?? '')
      .firstUndecodable[0]
    const { stdout } = await ls(t, '--raw', `${partition}:${offset}`)
    assert.match(stdout, /^xrd\[1\]@\d+\n {2}size {5}15 B/)
    assert.match(stdout, / {2}key {6}"odd" \(3 B\)\n {2}headers {2}h\\x1b = "v"/)
    assert.match(stdout, / begins {3}0000 {2}7b 22 6e 6f .* {"no": "chunk"}\n/)
    assert.match(stdout, / is {7}no chunk: not a msgpack array of 9 or 10; it looks like JSON/)
    const gone = await ls(t, '--raw', '1:999')
    assert.deepEqual([gone.exit, gone.error?.code], [66, 'E_NOT_FOUND'])
    assert.match(gone.error?.facts[0] ?? '', /^the partition has offsets 0-\d+$/)
    assert.equal((await ls(t, '--raw', '1@2')).exit, 2)
  })
})
