/** A round with a broker that takes it, does not answer, or refuses it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeOf } from '../../src/core/chunks/home.ts'
import { type DeadLetter, encodeDeadLetter } from '../../src/core/dead-letter.ts'
import type { ReadMessage } from '../../src/kafka/copying/member.ts'
import type { Fate, RecordToCopy, Transactions } from '../../src/kafka/copying/transactions.ts'
import { type Round, round } from '../../src/repartition/round.ts'
import { type Rounds, rounds } from '../../src/repartition/rounds.ts'
import { encoded, onlyChunk } from '../support/files.ts'

const COUNT = 5

function message(partition: number, offset: number, value: Buffer | null, given: Partial<ReadMessage> = {}) {
  return { topic: 'xrd', partition, offset, value, size: 10, timestamp: 7, ...given } as ReadMessage
}

function opened({ commit = async () => 'done' as Fate } = {}) {
  const sent: RecordToCopy[] = []
  const told: string[] = []
  const reasons: number[] = []
  const state: Rounds = rounds()
  const done = async (): Promise<Fate> => 'done'
  const transactions: Transactions = {
    begin: done,
    async produce(record) {
      sent.push(record)
      return 'done'
    },
    commit,
    abort: done,
    takeReason: () => ({ code: 7, message: 'not now' }),
    close: async () => {},
  }
  const current: Round = round(
    {
      topic: 'xrd',
      count: COUNT,
      member: { client: {} as never },
      state,
      open: async () => transactions,
      onProblem: text => told.push(text),
      troubles: { aborted: async ({ code }) => void reasons.push(code) },
    },
    transactions,
    undefined,
  )
  state.changes({ kind: 'assign', partitions: [0, 7] })
  state.assigned([0, 7].map(partition => ({ partition, offset: 0 })))
  return { current, state, sent, told, reasons }
}

test('a chunk goes to the partition of its path, anything else by the partition that it had', async () => {
  const { current, state, sent } = opened()
  const chunk = encoded(onlyChunk('a/b.dat'))
  const headers = [{ mine: 'x' }]
  await current.copy(
    [message(0, 4, chunk, { key: 'k', headers }), message(7, 9, null), message(3, 0, chunk)],
    [{ partition: 7, offset: 12 }],
  )
  assert.deepEqual(sent, [
    {
      partition: homeOf('a/b.dat', 0, COUNT),
      key: 'k',
      value: chunk,
      timestamp: 7,
      headers: [{ mine: 'x' }, { 'dfsp.from': 'xrd/0/4' }],
    },
    {
      partition: 7 % COUNT,
      key: undefined,
      value: null,
      timestamp: 7,
      headers: [{ 'dfsp.from': 'xrd/7/9' }],
    },
  ])
  // Also what is no record is passed over with the round.
  const step = state.next(true, false)
  assert.deepEqual(step.do === 'commit' && step.places, [
    { partition: 0, offset: 5 },
    { partition: 7, offset: 12 },
  ])
  await current.end(step.do === 'commit' ? step.places : [])
  assert.deepEqual(current.counts, { records: 2, bytes: 220, rounds: 1, aborted: 0 })
})

test('a round that the brokers do not take is told after five seconds, while it waits', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let take: (fate: Fate) => void = () => {}
  const { current, state, told } = opened({
    commit: () =>
      new Promise(resolve => {
        take = resolve
      }),
  })
  await current.copy([message(0, 0, null)], [])
  const ending = current.end([{ partition: 0, offset: 1 }])
  t.mock.timers.tick(4_999)
  assert.deepEqual(told, [])
  t.mock.timers.tick(1)
  assert.match(told.join(), /have not taken the copies of a round for 5 s: .* no leader, or fewer replicas/)
  take('done')
  await ending
  assert.equal(state.phase, 'idle')
  assert.equal(current.counts.records, 1)
})

test('what was refused does not count, and is copied again', async () => {
  for (const fate of ['failed', 'broken'] as const) {
    const { current, state, reasons } = opened({ commit: async () => fate })
    await current.copy([message(0, 0, null)], [])
    await current.end([{ partition: 0, offset: 1 }])
    assert.deepEqual(current.counts, { records: 0, bytes: 0, rounds: 0, aborted: 1 })
    assert.deepEqual(reasons, [7])
    assert.equal(state.phase, fate)
    await (fate === 'failed' ? current.abort() : current.reopen())
    assert.deepEqual(state.next(false, false), { do: 'reposition', partitions: [0, 7] })
  }
})

test('a record that is a copy itself is refused', async () => {
  const { current, sent } = opened()
  const copy = message(0, 3, null, { headers: [{ 'dfsp.from': 'abc/1/2' }] })
  await assert.rejects(current.copy([copy], []), /xrd is a copy itself/)
  assert.deepEqual(sent, [])
})

test('dead letters are not copied: they are of no file that lies here', async () => {
  const { current, sent } = opened()
  const letter = {
    kind: 'record',
    reason: 'undecodable',
    topic: 'xrd',
    error: 'not msgpack',
    group: 'dfsp.plot.xrd',
    partition: 1,
    offset: 2,
    head: Buffer.from('x'),
    bytes: 1,
    rounds: 0,
  } as unknown as DeadLetter
  const { value } = encodeDeadLetter(letter)
  await assert.rejects(current.copy([message(0, 3, Buffer.from(value))], []), /topic of dead letters/)
  assert.deepEqual(sent, [])
})
