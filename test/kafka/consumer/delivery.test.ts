import assert from 'node:assert/strict'
import { test } from 'node:test'
import type RdKafka from '@confluentinc/kafka-javascript'
import { delivery } from '../../../src/kafka/consumer/delivery.ts'
import { ownedPartitions } from '../../../src/kafka/consumer/owned.ts'
import type { PartitionEnd } from '../../../src/kafka/consumer/read-loop.ts'

/** Partitions 0 and 1 are owned, from offset 10 on. */
function reader(withHeaders = false) {
  const heard: string[] = []
  const owned = ownedPartitions()
  owned.begin(
    [0, 1].map(partition => ({ partition, start: 10 })),
    0,
  )
  const deliver = delivery({
    withHeaders,
    owned,
    onRecords: records => {
      heard.push(
        records.map(r => `${r.partition}@${r.offset}${r.headers ? [...r.headers.keys()] : ''}`).join(' '),
      )
    },
    onPartitionEnd: (partition, offset) => heard.push(`end ${partition}@${offset}`),
    onWentBack: (partition, from, to) => heard.push(`back ${partition} ${from} ${to}`),
    onAlive: () => heard.push('alive'),
    now: () => 77,
  })
  return {
    heard,
    owned,
    deliver: (messages: RdKafka.Message[], ends: PartitionEnd[], turn = owned.turn) =>
      deliver(messages, ends, turn),
    next: (partition: number) => owned.positions.get(partition)?.next,
  }
}

const message = (partition: number, offset: number) =>
  ({ partition, offset, value: Buffer.alloc(1), headers: [{ a: 'x' }] }) as unknown as RdKafka.Message

test('records are handed on with their ends after them, and move the positions', () => {
  const { heard, deliver, next } = reader()
  deliver([message(0, 10), message(1, 12), message(0, 11)], [{ partition: 0, offset: 12 }])
  assert.deepEqual(heard, ['alive', '0@10 1@12 0@11', 'end 0@12'])
  assert.deepEqual([next(0), next(1)], [12, 13])
})

test('fault 21: what a call brings that began before the epoch, or comes while it drains, is dropped with its ends', () => {
  const late = reader()
  late.deliver([message(0, 10)], [{ partition: 0, offset: 20 }], late.owned.turn - 1)
  const draining = reader()
  const { turn } = draining.owned
  draining.owned.drain([0, 1])
  for (const asked of [turn, draining.owned.turn])
    draining.deliver([message(0, 10)], [{ partition: 0, offset: 20 }], asked)
  for (const { heard, next } of [late, draining]) {
    assert.deepEqual(heard, [])
    assert.equal(next(0), 10)
  }
})

test('fault 28: an offset that comes again ends the batch before anything of it is handed on', () => {
  const { heard, deliver } = reader()
  deliver([message(1, 10), message(0, 3)], [{ partition: 1, offset: 11 }])
  assert.deepEqual(heard, ['back 0 10 3'])
})

test('an end below what was read is old; partitions that are not of the epoch are passed over', () => {
  const { heard, deliver } = reader()
  deliver(
    [message(7, 1)],
    [
      { partition: 0, offset: 9 },
      { partition: 7, offset: 2 },
    ],
  )
  assert.deepEqual(heard, ['alive'])
})

test('headers come where they are asked for', () => {
  const { heard, deliver } = reader(true)
  deliver([message(0, 10)], [])
  assert.deepEqual(heard, ['alive', '0@10a'])
})
