/** The consumer by itself: what it hands on while partitions come and go. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FileConsumer, openConsumer } from '../../src/kafka/consumer/consumer.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { joinGroup, PROTOCOLS } from '../support/member.ts'
import { createTopic, endOffsets, produceRaw } from '../support/topics.ts'

const PARTITIONS = 3
describe('consumer', { skip: noBroker, concurrency: 3 }, () => {
  for (const [name, properties] of Object.entries(PROTOCOLS)) {
    test(`fault 21: ${name}: partitions that are taken and come back while records are on their way: none twice, none skipped`, async () => {
      const topic = uniqueName('comes-back')
      await createTopic(broker, topic, PARTITIONS)
      const consumer = await openConsumer(
        {
          topic,
          group: topic,
          properties: { 'bootstrap.servers': broker, 'client.id': topic, ...properties },
          from: 'earliest',
          waitForTopic: false,
          shared: false,
        },
        () => {},
      )
      const reader = readerOf(consumer)
      await reader.epoch(1)
      let producing = true
      const production = (async () => {
        const value = Buffer.alloc(20_000)
        while (producing)
          await produceRaw(
            broker,
            topic,
            Array.from({ length: 60 }, (_, i) => ({ partition: i % PARTITIONS, value })),
          )
      })()
      for (const turn of [1, 2]) {
        const other = await joinGroup(broker, topic, topic, properties)
        await other.leave()
        await reader.epoch(turn + 1)
      }
      producing = false
      await production
      const ends = await endOffsets(broker, topic)
      await reader.reached(ends)
      await consumer.close()
      assert.deepEqual(reader.problems, [])
      assert.deepEqual(
        reader.offsets,
        ends.map(end => Array.from({ length: end }, (_, offset) => offset)),
      )
    })
  }
})

/** Commits what it was given when its partitions are taken away. */
function readerOf(consumer: FileConsumer) {
  const offsets: number[][] = Array.from({ length: PARTITIONS }, () => [])
  const problems: string[] = []
  let owned = false
  let epochs = 0
  const until = async (reached: () => boolean) => {
    while (!reached()) await new Promise(resolve => setTimeout(resolve, 20))
  }
  consumer.start({
    onAssign(partitions) {
      epochs++
      owned = true
      for (const { partition, start } of partitions)
        if (start !== offsets[partition]?.length) problems.push(`[${partition}] begins at ${start}`)
    },
    onRecords(records) {
      if (!owned) problems.push('records without partitions')
      for (const { partition, offset } of records) offsets[partition]?.push(offset)
    },
    onPartitionEnd() {},
    async onRevoke(partitions, lost) {
      owned = false
      if (lost) problems.push('lost')
      else
        await consumer.commit(
          partitions.map(partition => ({
            partition,
            offset: offsets[partition]?.length ?? 0,
            metadata: 'd1.',
          })),
        )
    },
    onFatal: error => problems.push(error.message),
    onProblem(text) {
      if (!text.includes('nothing is read until all partitions are here')) problems.push(text)
    },
  })
  return {
    offsets,
    problems,
    epoch: (count: number) => until(() => epochs === count && owned),
    reached: (ends: readonly number[]) =>
      until(() => ends.every((end, p) => (offsets[p]?.length ?? 0) >= end)),
  }
}
