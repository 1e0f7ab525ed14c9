/** What librdkafka and the broker make of members that come, go and are doubled. */
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { ERR } from '../../../src/kafka/client-error.ts'
import { broker, noBroker, uniqueName } from '../../support/broker.ts'
import { PROTOCOLS } from '../../support/member.ts'
import type { RawMember } from '../../support/raw-clients.ts'
import { createTopic, produceRaw } from '../../support/topics.ts'
import { until } from '../../support/until.ts'
import { reliedOn } from './relied.ts'
import { startChild } from './start-child.ts'

const PARTITIONS = 4
const { 'cooperative-sticky': COOPERATIVE, 'group.protocol=consumer': CONSUMER } = PROTOCOLS

async function newTopic(): Promise<string> {
  const topic = uniqueName('rebalance')
  await createTopic(broker, topic, PARTITIONS)
  return topic
}

/** A promise that `open` resolves. */
function latch(): { opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

const ownsAll = (member: RawMember) => until(() => member.owned.size === PARTITIONS)

describe('rebalances of the client', { skip: noBroker, concurrency: 4 }, () => {
  for (const [name, protocol] of Object.entries({ classic: COOPERATIVE, consumer: CONSUMER }))
    reliedOn(
      `while a REVOKE is not answered a member reads nothing, also of partitions that stay; a client without group goes on (${name})`,
      'src/kafka/consumer/assigner.ts: member and reader are two clients for this alone',
      async ({ member, consumer }) => {
        const topic = await newTopic()
        const group = { 'group.id': topic, ...protocol }
        const answered = latch()
        const first = await member(topic, group, () => answered.opened)
        await ownsAll(first)
        const reader = await consumer({ 'group.id': 'reader' })
        reader.incrementalAssign([...first.owned].map(partition => ({ topic, partition, offset: 0 })))
        await member(topic, group)
        await until(() => first.changes.length > 1)
        const list = Array.from({ length: PARTITIONS }, (_, partition) => ({
          partition,
          value: Buffer.from('x'),
        }))
        await produceRaw(broker, topic, list)
        let seen = 0
        for (let rounds = 0; rounds < 40; rounds++)
          seen += await new Promise<number>(resolve =>
            reader.consume(10, (_, found = []) => resolve(found.length)),
          )
        assert.equal(seen, PARTITIONS)
        assert.deepEqual(first.records, [])
        answered.open()
        await until(() => first.records.length > 0)
      },
    )

  reliedOn(
    'a commit that is sent while the group joins anew is answered after that, by 22; those in the drain before and after it are taken',
    'src/kafka/consumer/committer.ts (REFUSALS) and processor/commit/commits.ts: it is tried again, and no alarm',
    async ({ member }) => {
      const topic = await newTopic()
      const group = { 'group.id': topic, ...COOPERATIVE }
      const answered = latch()
      const first = await member(topic, group, () => answered.opened)
      await ownsAll(first)
      // The group waits for its next heartbeat.
      const second = await member(topic, { ...group, 'heartbeat.interval.ms': '2000' })
      await until(() => first.changes.length === 2)
      const kept = [...first.owned].find(partition => !first.changes[1]?.includes(`${partition}`)) as number
      assert.equal(await first.commit(kept, 1), 0)
      answered.open()
      const codes = new Set<number>()
      while (second.owned.size === 0) codes.add(await first.commit(kept, 2))
      await until(async () => (await first.commit(kept, 3)) === 0)
      assert.ok(codes.delete(ERR.ILLEGAL_GENERATION))
      // That one of the moment between the new generation and its assignment.
      assert.deepEqual(
        [...codes].filter(code => code !== ERR.REBALANCE_IN_PROGRESS),
        [0],
      )
    },
  )

  reliedOn(
    'of two members of one group.instance.id the first is told of by a fatal error of its reads, without a REVOKE (classic)',
    'src/kafka/consumer/read-errors.ts: -150 ends the run as a group in use',
    async ({ member }) => {
      const topic = await newTopic()
      const group = { 'group.id': topic, 'group.instance.id': 'one', ...COOPERATIVE }
      const first = await member(topic, group)
      await ownsAll(first)
      const second = await member(topic, group)
      await ownsAll(second)
      await until(() => first.errors.has(ERR.FATAL))
      assert.deepEqual(first.changes, ['+0,1,2,3'])
    },
  )

  reliedOn(
    'of two members of one group.instance.id the second is refused by a fatal error of its reads (consumer)',
    'src/kafka/consumer/read-errors.ts: -150 ends the run as a group in use',
    async ({ member }) => {
      const topic = await newTopic()
      const group = { 'group.id': topic, 'group.instance.id': 'one', ...CONSUMER }
      const first = await member(topic, group)
      await ownsAll(first)
      const second = await member(topic, group)
      await until(() => second.errors.has(ERR.FATAL))
      assert.deepEqual([...first.owned], [0, 1, 2, 3])
      assert.deepEqual([...first.errors], [])
    },
  )

  reliedOn(
    'a pause in the REVOKE of a client that disconnects is thrown out of the event loop, and the client never ends',
    'src/kafka/consumer/ownership.ts (answerAtOnce): partitions are given up without another word',
    async () => {
      const child = await startChild('pause-at-end', await newTopic())
      const { stack } = await child.told<{ stack: string }>()
      assert.match(stack, /Erroneous state[\s\S]*KafkaConsumer\.pause/)
      child.kill('SIGKILL')
      await child.ended()
    },
  )
})
