import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sentAt } from '../../../src/kafka/ask/sent-at.ts'
import { openTransaction } from '../../../src/kafka/ask/watermarks.ts'

const NOW = Date.parse('2026-11-30T20:00:00Z')

test('when a record was sent is found to the second from offsets of times, in few rounds and all partitions at once', async () => {
  const logs = fc.array(
    fc
      .array(fc.nat(400 * 86_400_000), { minLength: 1, maxLength: 20 })
      .map(ages => ages.sort((a, b) => b - a)),
    { minLength: 1, maxLength: 3 },
  )
  await fc.assert(
    fc.asyncProperty(logs, fc.nat(), async (ages, at) => {
      const sent = ages.map(log => log.map(age => NOW - age))
      const offsets = new Map(sent.map((log, partition) => [partition, at % log.length]))
      let rounds = 0
      const found = await sentAt(
        offsets,
        async times => {
          rounds++
          return Array.from(times, ([partition, time]) => {
            const offset = (sent[partition] ?? []).findIndex(each => each >= time)
            return { partition, offset, timestamp: sent[partition]?.[offset] ?? -1 }
          })
        },
        NOW,
      )
      for (const [partition, offset] of offsets) {
        const difference = Math.abs((found.get(partition) ?? 0) - (sent[partition]?.[offset] ?? 0))
        assert.ok(difference <= 1_000, `${difference} ms`)
      }
      assert.ok(rounds <= 64, `${rounds}`)
    }),
  )
})

test('records without times, and partitions that are not answered, have none', async () => {
  const offsets = new Map([
    [0, 5],
    [1, 5],
  ])
  const none = await sentAt(offsets, async () => [{ partition: 0, offset: -1, timestamp: -1 }], NOW)
  assert.equal(none.size, 0)
})

test('an open transaction is told with its age, and how to end it where the broker did not', t => {
  t.mock.timers.enable({ apis: ['Date'], now: NOW })
  const told = (ageMs: number) =>
    openTransaction('xrd', 0, { low: 0, high: 7, last: 12, openSince: NOW - ageMs })
  assert.equal(
    told(60_000),
    '5 records of xrd[0] wait for a transaction that is open since 2026-11-30T19:59:00Z: from offset 7 on nothing can be read until its producer or the broker ends it',
  )
  assert.match(
    told(3_600_000) ?? '',
    /ends it; if that one is gone: kafka-transactions\.sh --bootstrap-server HOST abort --topic xrd --partition 0 --start-offset 7$/,
  )
  assert.equal(openTransaction('xrd', 0, { low: 0, high: 7, last: 7 }), undefined)
})
