import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startMock } from './mock.ts'
import { commitAs, endOffsets, readAll, readCommitted } from './topics.ts'

test('the mock cluster keeps records and commits for any client', async () => {
  const mock = await startMock()
  await mock.produceRaw('t', [{ partition: 3, key: 'k', value: Buffer.from('v') }])
  await commitAs(mock.brokers, 'g', [{ topic: 't', partition: 3, offset: 1, metadata: 'm.' }])

  assert.deepEqual(await endOffsets(mock.brokers, 't'), [0, 0, 0, 1])
  assert.equal((await readAll(mock.brokers, 't'))[0]?.value?.toString(), 'v')
  assert.deepEqual((await readCommitted(mock.brokers, 'g', 't'))[3], {
    partition: 3,
    offset: 1,
    metadata: 'm.',
  })
  await mock.end()
})
