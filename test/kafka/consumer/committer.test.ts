import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { DfspError } from '../../../src/base/errors.ts'
import {
  type CommitError,
  committer,
  type OffsetCommit,
  validated,
} from '../../../src/kafka/consumer/committer.ts'
import { loginOf } from '../../../src/kafka/login.ts'

const WHO = { topic: 'xrd', group: 'g', login: loginOf({}), shared: false }

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

/** The client's side of a commit, answered by hand. */
function client() {
  const sent: unknown[] = []
  const emitter = new EventEmitter()
  const consumer = Object.assign(emitter, {
    commit(list: unknown) {
      sent.push(list)
    },
  }) as unknown as Parameters<typeof committer>[0]
  const answer = (code: number | undefined, offsets: readonly OffsetCommit[]) =>
    emitter.emit(
      'offset.commit',
      code === undefined ? undefined : { code, message: 'Broker: refused' },
      offsets,
    )
  return { consumer, sent, answer }
}

test('a commit for a partition that is not owned is refused before anything is sent', async () => {
  const { consumer, sent } = client()
  const { commit } = committer(consumer, WHO, partition => partition === 0)
  const both = [0, 1].map(partition => ({ partition, offset: 5 }))
  await assert.rejects(commit(both), /xrd\[1\] is not owned any more/)
  assert.deepEqual(sent, [])
})

test('where partitions are shared one that is not owned any more is left out', async () => {
  const { consumer, sent, answer } = client()
  const { commit } = committer(consumer, { ...WHO, shared: true }, partition => partition === 0)
  const both = [0, 1].map(partition => ({ partition, offset: 5 }))
  const committing = commit(both)
  answer(undefined, [{ partition: 0, offset: 5 }])
  await committing
  assert.deepEqual(sent, [[{ topic: 'xrd', partition: 0, offset: 5 }]])
  await commit([{ partition: 1, offset: 5 }])
  assert.equal(sent.length, 1)
})

test('fault 15: each refusal rejects in words with its number, and the next commit goes out', async () => {
  const { consumer, answer } = client()
  const { commit } = committer(consumer, WHO, () => true)
  const offsets = [{ partition: 0, offset: 5 }]
  for (const [code, words] of [
    [12, /commit record is larger/],
    [22, /rebalanced without this process/],
    [25, /given this process up/],
    [27, /being rebalanced/],
    [28, /commit is larger/],
    [113, /new assignment/],
    [-185, /does not answer/],
    [-180, /no broker coordinates the group/],
    [7, /offsets of xrd/],
  ] as const) {
    const refused = commit(offsets)
    answer(code, offsets)
    await assert.rejects(
      refused,
      (error: CommitError) =>
        words.test(error.message) &&
        error.message.includes(`(${code})`) &&
        error.isRebalancing === [22, 27].includes(code),
    )
  }
  const taken = commit(offsets)
  answer(undefined, offsets)
  await taken
})

test('a commit that is refused for its length tells of what there is too much', async () => {
  const { consumer, answer } = client()
  const { commit } = committer(consumer, WHO, () => true)
  const offsets = [{ partition: 0, offset: 5 }]
  for (const [code, tooLong] of [
    [12, 'record'],
    [28, 'request'],
    [27, undefined],
  ] as const) {
    const refused = commit(offsets)
    answer(code, offsets)
    await assert.rejects(refused, (error: CommitError) => error.tooLong === tooLong)
  }
})

test('a commit that is forbidden, or whose topic is gone, rejects with the code that a run ends with', async () => {
  const { consumer, answer } = client()
  const { commit } = committer(consumer, WHO, () => true)
  const offsets = [{ partition: 0, offset: 5 }]
  for (const [number, code, words] of [
    [29, 'E_ACL', /READ on topic xrd is not allowed/],
    [30, 'E_ACL', /READ on group g is not allowed/],
    [3, 'E_TOPIC_MISSING', /topic "xrd" does not exist/],
  ] as const) {
    const refused = commit(offsets)
    answer(number, offsets)
    await assert.rejects(refused, (error: DfspError) => error.code === code && words.test(error.message))
  }
})

test('fault 16: a late answer to an earlier commit is not taken for that to the next one', async () => {
  const { consumer, answer } = client()
  const { commit } = committer(consumer, WHO, () => true)
  const next = commit([{ partition: 0, offset: 7 }])
  answer(undefined, [{ partition: 0, offset: 5 }])
  answer(16, [{ partition: 0, offset: 7 }])
  await assert.rejects(next, /coordinator has moved/)
})
