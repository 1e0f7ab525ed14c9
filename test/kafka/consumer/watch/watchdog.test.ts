import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicIdentity } from '../../../../src/kafka/ask/topic-identity.ts'
import { fetchAnswers } from '../../../../src/kafka/consumer/watch/fetch-answers.ts'
import {
  examine,
  type Finding,
  type Reading,
  type SignsOfLife,
  STALL_MS,
  watchdog,
} from '../../../../src/kafka/consumer/watch/watchdog.ts'

const quiet = { now: STALL_MS, since: 0 }
const answered = (): SignsOfLife => ({ throttledUntil: undefined, isAnswered: true, othersCame: undefined })

test('a partition that reads, or is read to its end, is fine', () => {
  const moving = { partition: 0, position: 5, since: 1 }
  assert.equal(examine(moving, { low: 0, high: 9 }, answered, STALL_MS, STALL_MS), undefined)
  const atEnd = { partition: 0, position: 9, since: 0 }
  assert.equal(examine(atEnd, { low: 9, high: 9 }, answered, STALL_MS, STALL_MS), undefined)
})

test('fault 70: records that are there and do not come are a stall; deleted ones and a cut log are told apart', () => {
  const at = (position: number, low: number, high: number) =>
    examine({ partition: 0, position, since: quiet.since }, { low, high }, answered, quiet.now, STALL_MS)
      ?.kind
  assert.equal(at(5, 0, 6), 'stalled')
  assert.equal(at(5, 5, 6), 'stalled')
  assert.equal(at(5, 6, 9), 'overtaken')
  assert.equal(at(5, 6, 6), 'overtaken')
  assert.equal(at(7, 0, 6), 'beyond-end')
})

test('a slow partition is not a damaged one: answers are held back, on their way, or full of another partition', () => {
  const found = (signsOfLife: Partial<SignsOfLife>, now = 2 * STALL_MS) =>
    examine(
      { partition: 0, position: 5, since: 0 },
      { low: 0, high: 6 },
      () => ({ ...answered(), ...signsOfLife }),
      now,
      STALL_MS,
    )?.kind
  assert.equal(found({}), 'stalled')
  assert.equal(found({ isAnswered: false }), undefined)
  assert.equal(found({ throttledUntil: 2 * STALL_MS + 10_000 }), undefined)
  assert.equal(found({ throttledUntil: STALL_MS + 1 }), undefined)
  assert.equal(found({ throttledUntil: STALL_MS }), 'stalled')
  assert.equal(found({ othersCame: STALL_MS + 1 }), undefined)
  assert.equal(found({ othersCame: STALL_MS }), 'stalled')
})

test('a broker answers fetches when the count of its responses grows from one statistics to the next', () => {
  const answers = fetchAnswers('xrd')
  const tell = (one: number, two: number) =>
    answers.hear(
      JSON.stringify({
        brokers: { a: { nodeid: 1, rx: one }, b: { nodeid: 2, rx: two }, c: { nodeid: -1, rx: one + two } },
        topics: { xrd: { partitions: { 0: { broker: 1 }, 1: { broker: 2 } } } },
      }),
    )
  assert.equal(answers.cameFor(0), true)
  tell(5, 5)
  assert.equal(answers.cameFor(0), true)
  tell(5, 6)
  assert.deepEqual([answers.cameFor(0), answers.cameFor(1)], [false, true])
  tell(6, 6)
  assert.deepEqual([answers.cameFor(0), answers.cameFor(1)], [true, false])
})

function looked(answers: { id?: string; low: number; high: number }[]) {
  const heard: string[] = []
  let look = -1
  const answer = () => answers[look] as (typeof answers)[number]
  const reading: Reading = { partition: 3, position: 10, since: 0 }
  const identity = topicIdentity(async () => answer().id)
  const dog = watchdog({
    owned: () => [3],
    readings: () => [reading],
    signsOfLife: answered,
    watermarks: async () => new Map([[3, answer()]]),
    hasNewTopic: identity.hasChanged,
    onFinding: (finding: Finding, { partition }, { low, high }) =>
      heard.push(`${finding.kind} ${partition} ${low}-${high}`),
    onLow: (partition, low) => heard.push(`low ${partition} ${low}`),
    onNewTopic: () => heard.push('new topic'),
    onUnanswered: error => heard.push(`unanswered ${(error as Error).message}`),
    now: () => STALL_MS,
  })
  return {
    heard,
    async each() {
      look = 0
      await identity.hasChanged()
      for (; look < answers.length; look++) await dog.look()
      return heard
    },
  }
}

test('a low watermark is told at the first look and when it moves', async () => {
  const { each } = looked([
    { id: 'a', low: 2, high: 10 },
    { id: 'a', low: 2, high: 10 },
    { id: 'a', low: 7, high: 10 },
  ])
  assert.deepEqual(await each(), ['low 3 2', 'low 3 7'])
})

test('fault 28: another topic of the same name is told once, also when its offsets look right', async () => {
  const { each } = looked([
    { id: 'a', low: 2, high: 10 },
    { id: 'b', low: 0, high: 50 },
    { id: 'b', low: 0, high: 10 },
  ])
  assert.deepEqual(await each(), ['low 3 2', 'new topic', 'low 3 0'])
})

test('a topic that is gone for a moment is not a new one, and a broker that tells no ids is asked once', async () => {
  const gone = looked([
    { id: 'a', low: 0, high: 10 },
    { low: 0, high: 10 },
    { id: 'a', low: 0, high: 10 },
  ])
  assert.deepEqual(await gone.each(), ['low 3 0'])
  const silent = looked([
    { low: 0, high: 10 },
    { id: 'b', low: 0, high: 10 },
    { id: 'c', low: 0, high: 10 },
  ])
  assert.deepEqual(await silent.each(), ['low 3 0'])
})
