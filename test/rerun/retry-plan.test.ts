import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import type { FileLetter, RecordLetter } from '../../src/core/dead-letter.ts'
import { lostText } from '../../src/report/commands/retry-plan-text.ts'
import type { Received } from '../../src/rerun/letter-box.ts'
import { letters, withGone } from '../../src/rerun/retry-plan.ts'

let offsets = 0
const received = (letter: Received['letter']): Received => {
  const offset = offsets++
  return { partition: 0, offset, receipt: { partition: 0, epoch: 1, seq: offset }, letter }
}
const file = (path: string, change: Partial<FileLetter> = {}): FileLetter => ({
  kind: 'file',
  reason: 'failed',
  topic: 'xrd',
  path,
  sha512: 'ab'.repeat(64),
  chunks: 2,
  bytes: 10,
  mtime: 0,
  attempts: 1,
  deliveryId: '0f'.repeat(16),
  error: 'no',
  group: 'g',
  rounds: 0,
  ranges: [{ partition: 0, from: 4, to: 5 }],
  exact: true,
  ...change,
})
const record: RecordLetter = {
  kind: 'record',
  reason: 'undecodable',
  topic: 'xrd',
  partition: 0,
  offset: 3,
  bytes: 1,
  head: new Uint8Array(1),
  error: 'no',
  group: 'g',
  rounds: 0,
}

function planned(list: readonly Received['letter'][], wanted: readonly string[] = [], topic?: string) {
  const found = letters(wanted, topic)
  for (const letter of list) found.add(received(letter))
  return found.plan()
}

test('letters of one content of a path are one file: with the newest letter and the ranges of all', () => {
  const { files } = planned([
    file('a'),
    file('a', { rounds: 1, ranges: [{ partition: 0, from: 5, to: 7 }] }),
    file('a', { sha512: 'cd'.repeat(64) }),
    file('a', { topic: 'other' }),
  ])
  assert.deepEqual(
    files.map(({ letter, letters, ranges }) => [letter.topic, letter.rounds, letters.length, ranges]),
    [
      ['xrd', 1, 2, [{ partition: 0, from: 4, to: 7 }]],
      ['xrd', 0, 1, [{ partition: 0, from: 4, to: 5 }]],
      ['other', 0, 1, [{ partition: 0, from: 4, to: 5 }]],
    ],
  )
})

test('with paths only those files and what lies below those folders is taken, and nothing is said of the rest', () => {
  const all = [file('a/b'), file('a/bc'), file('ab'), file('a'), record, { refused: 'no' }]
  const paths = (wanted: string) => planned(all, [wanted]).files.map(({ letter }) => letter.path)
  assert.deepEqual(paths('a/'), ['a', 'a/b', 'a/bc'])
  assert.deepEqual(paths('a/b'), ['a/b'])
  const { records, refused } = planned(all, ['a'])
  assert.deepEqual([records, refused], [[], []])
  assert.equal(planned(all).records.length, 1)
  assert.equal(planned(all).refused.length, 1)
})

test('with a topic only its letters are taken', () => {
  const all = [file('a'), file('b', { topic: 'other' }), record]
  const { files, records } = planned(all, [], 'other')
  assert.deepEqual([files.map(({ letter }) => letter.path), records], [['b'], []])
})

test('a file that was taken up five times is left alone, unless it is named', () => {
  const all = [file('a', { rounds: 4 }), file('b', { rounds: 5 })]
  assert.deepEqual(
    planned(all).leftAlone.map(({ file: { letter } }) => letter.path),
    ['b'],
  )
  assert.deepEqual(
    planned(all, ['b']).files.map(({ letter }) => letter.path),
    ['b'],
  )
})

test('what is gone is told by range, and a file with too few records left is not one to retry; files of a topic that does not exist are left alone', async () => {
  const twice = file('twice', { ranges: [{ partition: 0, from: 4, to: 7 }] })
  const plan = planned([file('a'), file('b', { topic: 'other' }), twice, file('c', { topic: 'gone' })])
  const asked: string[] = []
  const { files, lost, leftAlone } = await withGone(plan, {
    missingTopics: async topics => new Set(topics.filter(topic => topic === 'other')),
    async extentsOf(topic) {
      asked.push(topic)
      if (topic === 'gone') throw new DfspError('E_TOPIC_MISSING', 'no such topic')
      return new Map([[0, { low: 5, high: 9 }]])
    },
  })
  assert.deepEqual(
    [lost, files].map(list => list.map(({ letter, gone }) => [letter.path, gone])),
    [[['a', [{ partition: 0, from: 4, to: 4 }]]], [['twice', [{ partition: 0, from: 4, to: 4 }]]]],
  )
  assert.deepEqual(
    leftAlone.map(({ why }) => why),
    ['topic other does not exist', 'topic gone does not exist'],
  )
  assert.deepEqual(asked, ['xrd', 'gone'])
})

test('offsets beyond the end of the log are not told as deleted by retention', async () => {
  const list = [
    [4, 5],
    [6, 7],
    [8, 9],
    [98, 99],
  ].map(([from = 0, to = 0]) => file(`f${from}`, { ranges: [{ partition: 0, from, to }] }))
  const { lost } = await withGone(planned(list), {
    missingTopics: async () => new Set(),
    extentsOf: async () => new Map([[0, { low: 7, high: 9 }]]),
  })
  assert.deepEqual(
    lost.map(each => [each.letter.path, lostText(each)]),
    [
      ['f4', 'retention deleted records of it: it can only be sent again'],
      ['f6', 'retention deleted records of it: it can only be sent again'],
      ['f8', 'records of it would lie beyond the end of the log: it can only be sent again'],
      ['f98', 'records of it would lie beyond the end of the log: it can only be sent again'],
    ],
  )
})

test('that a topic cannot be asked about ends it', async () => {
  const extentsOf = async () => {
    throw new DfspError('E_ACL', 'READ on topic xrd is not allowed')
  }
  const missingTopics = async () => new Set<string>()
  await assert.rejects(withGone(planned([file('a')]), { missingTopics, extentsOf }), { code: 'E_ACL' })
})
