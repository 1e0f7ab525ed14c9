import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptedRecord, encodeCommitRecord, RECORD_CHARS } from '../../src/core/offsets/commit-record.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { commitAs, createTopic, readCommitted } from '../support/topics.ts'

test('fault 66: the longest record comes back from the broker as it was; one character more is refused', {
  skip: noBroker,
}, async () => {
  const topic = uniqueName('record')
  await createTopic(broker, topic, 1)
  const offsets = Array.from({ length: 3_055 }, (_, i) => i)
  const files = { hashes: [], offsets }
  const content = { base: 0, position: 3_055, runs: undefined, files, finished: [], attempts: new Map() }
  const longest = encodeCommitRecord(content)?.text ?? ''
  assert.equal(longest.length, RECORD_CHARS)
  const commit = (metadata: string) => commitAs(broker, topic, [{ topic, partition: 0, offset: 0, metadata }])
  await commit(longest)
  await assert.rejects(commit(`${longest}.`), /metadata/i)
  const [committed] = await readCommitted(broker, topic, topic)
  const record = acceptedRecord(committed?.metadata, 0, 3_055)
  assert.ok(record !== undefined && !('refused' in record))
  assert.deepEqual(record.unresolved, { kind: 'files', files: [], offsets })
})
