/** What the broker takes as a commit of offsets. */
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { RECORD_CHARS } from '../../../src/core/offsets/commit-record.ts'
import { ERR } from '../../../src/kafka/client-error.ts'
import { broker, noBroker, uniqueName } from '../../support/broker.ts'
import { PROTOCOLS } from '../../support/member.ts'
import { createTopic, deleteTopic, readCommitted } from '../../support/topics.ts'
import { until } from '../../support/until.ts'
import { reliedOn } from './relied.ts'

describe('commits of the client', { skip: noBroker, concurrency: 3 }, () => {
  for (const name of ['cooperative-sticky', 'group.protocol=consumer'] as const)
    reliedOn(
      `a commit is checked by its member, not by its partitions: another member's offset goes back (${name})`,
      'src/kafka/consumer/committer.ts (mayCommit): only what is owned is sent',
      async ({ member }) => {
        const topic = uniqueName('foreign')
        await createTopic(broker, topic, 2)
        const group = { 'group.id': topic, ...PROTOCOLS[name] }
        const [first, second] = [await member(topic, group), await member(topic, group)]
        await until(() => first.owned.size === 1 && second.owned.size === 1)
        const [partition = -1] = second.owned
        await until(async () => (await second.commit(partition, 149)) === 0)
        assert.equal(await first.commit(partition, 1), 0)
        const found = await readCommitted(broker, topic, topic)
        assert.equal(found.find(place => place.partition === partition)?.offset, 1)
      },
    )

  reliedOn(
    'a commit of more than 1 MB is refused as a whole, by a code that says nothing; 800 KB are taken',
    'src/processor/commit/commits.ts (REQUEST_BYTES): requests are kept below',
    async ({ consumer }) => {
      const topic = uniqueName('long')
      const most = 260
      await createTopic(broker, topic, most)
      const member = await consumer({ 'group.id': topic, offset_commit_cb: true })
      const metadata = 'x'.repeat(RECORD_CHARS)
      const commit = async (count: number) => {
        const code = new Promise<number>(resolve =>
          member.once('offset.commit', error => resolve(error ? error.code : 0)),
        )
        member.commit(
          Array.from({ length: count }, (_, partition) => ({ topic, partition, offset: 1, metadata })),
        )
        let found: number | undefined
        void code.then(told => {
          found = told
        })
        await until(async () => {
          await new Promise(resolve => member.consume(1, resolve))
          return found !== undefined
        })
        return await code
      }
      assert.equal(await commit(most), ERR.UNKNOWN)
      const none = await readCommitted(broker, topic, topic)
      assert.ok(none.every(({ offset }) => offset === undefined))
      assert.equal(await commit(200), 0)
      await deleteTopic(broker, topic)
    },
  )
})
