import assert from 'node:assert/strict'
import { test } from 'node:test'
import { incompleteAtEnd, type Waiting } from '../../src/run/incomplete-end.ts'

const MINUTE = 60_000
const NOW = 1_000 * MINUTE
const file = (path: string, lastSentAt: number): Waiting => ({
  path,
  lastSentAt,
  assembly: { count: 2, total: 3 },
})

test('each file is named with its chunks and the age of its newest one, and those that wait too long are counted', async () => {
  const files = [file('young', NOW - MINUTE), file('old', NOW - 10 * MINUTE), file('ahead', NOW + MINUTE)]
  assert.deepEqual(await incompleteAtEnd(files, NOW, 10 * MINUTE), {
    events: [
      { type: 'incomplete', path: 'old', chunks: 2, total: 3, idleSeconds: 600 },
      { type: 'incomplete', path: 'young', chunks: 2, total: 3, idleSeconds: 60 },
      { type: 'incomplete', path: 'ahead', chunks: 2, total: 3, idleSeconds: 0 },
    ],
    overdue: 1,
  })
})

test('a record without a time makes no file too old', async () => {
  const { events, overdue } = await incompleteAtEnd([file('x', -1)], NOW, 1)
  assert.deepEqual([(events[0] as { idleSeconds?: unknown }).idleSeconds, overdue], [null, 0])
})

test('of many files those that wait longest are named, the others counted', async () => {
  const many = Array.from({ length: 1_234 }, (_, i) => file(`${i}`, i))
  const { events, overdue } = await incompleteAtEnd(many, NOW, MINUTE)
  assert.equal(events.length, 21)
  assert.equal((events[0] as { path?: string }).path, '0')
  assert.match((events[20] as { text?: string }).text ?? '', /^1,214 more files are incomplete/)
  assert.equal(overdue, 1_234)
})

test('where reading ended before the end of the topic the rest may lie there: nothing is too old, nothing is a warning', async () => {
  const { events, overdue } = await incompleteAtEnd([file('x', 0)], undefined, 1)
  assert.deepEqual([events.map(({ type }) => type), overdue], [['info'], 0])
  assert.deepEqual(await incompleteAtEnd([], undefined, 1), { events: [], overdue: 0 })
})
