import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OffsetCommit, validated } from '../../src/kafka/committer.ts'

test('fault 71: what the binding would take for offset 0 or crash on never reaches it', () => {
  const wrong: unknown[] = [
    { partition: 0, offset: '5' },
    { partition: 0, offset: 5n },
    { partition: 0, offset: undefined },
    { partition: 0, offset: -1 },
    { partition: 0, offset: Number.NaN },
    { partition: 0, offset: 2 ** 53 },
    { partition: 0, offset: 1.5 },
    { partition: undefined, offset: 5 },
    { partition: '0', offset: 5 },
    { partition: -1, offset: 5 },
    { partition: 0, offset: 5, metadata: 7 },
    { partition: 0, offset: 5, metadata: 'cut\0here' },
  ]
  for (const commit of wrong) assert.throws(() => validated('xrd', commit as OffsetCommit), TypeError)
  for (const topic of ['', undefined]) {
    assert.throws(() => validated(topic as string, { partition: 0, offset: 5 }), TypeError)
  }
})

test('a valid commit is passed on as it is', () => {
  assert.deepEqual(validated('xrd', { partition: 3, offset: 2 ** 53 - 1 }), {
    topic: 'xrd',
    partition: 3,
    offset: 2 ** 53 - 1,
  })
  assert.deepEqual(validated('xrd', { partition: 0, offset: 0, metadata: 'd1.x' }), {
    topic: 'xrd',
    partition: 0,
    offset: 0,
    metadata: 'd1.x',
  })
})
