/** Version and retention, asked in Kafka's own protocol, on real listeners with and without login. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterFacts } from '../../src/kafka/ask/cluster-facts.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { createTopic } from '../support/topics.ts'

describe('cluster facts', { skip: noBroker }, () => {
  const of = async (config: Readonly<Record<string, string>>) => {
    const topic = uniqueName('kept')
    await createTopic(broker, topic, 1, config)
    return await clusterFacts({ 'bootstrap.servers': broker }, topic)
  }

  test("the broker's version, and what a topic keeps", async () => {
    assert.deepEqual(await of({ 'retention.ms': '7200000', 'retention.bytes': '5000' }), {
      version: '4.1',
      retention: { ms: 7_200_000, bytes: 5_000 },
    })
    assert.deepEqual((await of({ 'retention.ms': '-1' })).retention, { ms: undefined, bytes: undefined })
    const compacted = await of({ 'cleanup.policy': 'compact', 'retention.ms': '1000' })
    assert.deepEqual(compacted.retention, { ms: undefined, bytes: undefined })
  })

  test('what cannot be learned is left open: no such topic, no broker', async () => {
    const missing = await clusterFacts({ 'bootstrap.servers': broker }, uniqueName('missing'))
    assert.deepEqual(missing, { version: '4.1', retention: undefined })
    const nobody = await clusterFacts({ 'bootstrap.servers': '127.0.0.1:1' }, 'x')
    assert.deepEqual(nobody, { version: undefined, retention: undefined })
  })
})
