import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileLetter } from '../../../src/core/dead-letter.ts'
import { retryPlanJson, retryPlanText } from '../../../src/report/commands/retry-plan-text.ts'
import { unfinishedText } from '../../../src/report/commands/unfinished-text.ts'

const letter: FileLetter = {
  kind: 'file',
  reason: 'failed',
  topic: 'xrd',
  path: 'a/x\n.csv',
  sha512: 'ab'.repeat(64),
  chunks: 3,
  bytes: 81_920,
  mtime: 0,
  attempts: 6,
  deliveryId: '0f'.repeat(16),
  error: 'no numbers\u001b[2J in column 1',
  group: 'g',
  rounds: 2,
  ranges: [],
  exact: true,
}
const ranges = [
  { partition: 0, from: 10, to: 14 },
  { partition: 0, from: 20, to: 20 },
  { partition: 3, from: 7, to: 7 },
]
const file = { letter, ranges, gone: ranges.slice(0, 1) }
const plan = {
  files: [file],
  lost: [],
  superseded: [],
  leftAlone: [{ file: { ...file, gone: [] }, why: 'taken up 5 times already' }],
  records: [],
  refused: [{ reason: 'version 2 is not known', received: { partition: 1, offset: 4 } }],
}

test('the plan says of each file where it lies, why it was given up and what is gone; nothing forges a line', () => {
  assert.deepEqual(retryPlanText(plan, 'dead'), [
    'retry  a/x ⏎ .csv  80.0 KiB  failed after 6 tries, retried 2x  xrd 0: 10-14, 20; 3: 7',
    '       no numbers\\x1b[2J in column 1',
    '       no longer there: 0: 10-14',
    'leave  a/x ⏎ .csv  80.0 KiB  failed after 6 tries, retried 2x  xrd 0: 10-14, 20; 3: 7',
    '       no numbers\\x1b[2J in column 1',
    '       taken up 5 times already',
    'leave  dead[1]@4  no dead letter: version 2 is not known',
    '1 file to retry, 2 left alone',
  ])
})

test('the plan as lines of JSON', () => {
  const [first, second, third] = retryPlanJson(plan).map(line => JSON.parse(line))
  assert.deepEqual([first.v, first.type, first.action, first.path], [1, 'planned', 'retry', 'a/x\n.csv'])
  assert.deepEqual(first.ranges, [
    [0, 10, 14],
    [0, 20, 20],
    [3, 7, 7],
  ])
  assert.deepEqual(first.gone, [[0, 10, 14]])
  assert.deepEqual([second.action, second.why], ['leave', 'taken up 5 times already'])
  assert.deepEqual(third.letter, { partition: 1, offset: 4 })
})

test('of unfinished files the whole ones are to be retried', () => {
  const held = { path: 'a', chunks: 3, present: 3, bytes: 10, attempts: 1, ranges: ranges.slice(2) }
  assert.deepEqual(unfinishedText({ files: [held, { ...held, path: 'b', present: 2 }], records: 1 }, 'xrd'), [
    'retry  a  10 B  whole, 1 try  xrd 3: 7',
    'leave  b  10 B  2 of 3 chunks  xrd 3: 7',
    '1 file to retry, 2 left alone',
  ])
})
