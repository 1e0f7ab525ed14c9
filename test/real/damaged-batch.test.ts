/** A record batch that no client can decompress: no broker takes one, a disk may make one; the mock cluster serves it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { produceWithCodec } from '../support/raw-batch.ts'
import { readCommitted } from '../support/topics.ts'
import { makeTree, removeTree } from '../support/trees.ts'

const LZ4 = 3

describe('a damaged batch', () => {
  let mock: MockCluster
  let folder: string
  before(async () => {
    mock = await startMock()
    folder = makeTree({ 'a.csv': '1,2\n' })
  })
  after(async () => {
    await mock.end()
    removeTree(folder)
  })

  test('a run until the end names the place and ends, with what came before it committed', async () => {
    const from = ['-t', 'xrd', '-b', mock.brokers]
    assert.equal((await runCli(['upload', 'a.csv', ...from], { cwd: folder })).code, 0)
    for (const partition of [0, 1, 2, 3]) await produceWithCodec(mock.brokers, 'xrd', partition, LZ4)
    const call = ['run', '-p', 'save', '-g', 'g', '--until-end', ...from]
    const { code, stderr } = await runCli(call, { cwd: folder, timeoutMs: 300_000 })
    assert.equal(code, 69, stderr)
    assert.match(stderr, / warn a batch of records of topic xrd is damaged: .* \(-198\); trying again$/m)
    assert.match(
      stderr,
      / error xrd\[\d\]: records [01]-[01] are there and do not come \[E_KAFKA\]: what came was/,
    )
    assert.match(stderr, / summary done=1 /)
    const committed = await readCommitted(mock.brokers, 'g', 'xrd')
    assert.deepEqual(committed.map(({ offset }) => offset ?? 0).sort(), [0, 0, 0, 1])
  })
})
