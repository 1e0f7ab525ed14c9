/** A client beside the consumer, with connections of its own: it joins no group and commits nothing. */
import type RdKafka from '@confluentinc/kafka-javascript'
import { connect } from '../connect.ts'
import { loginOf } from '../login.ts'
import { type PropertyValue, splitProperties } from '../properties.ts'

/** Connects; throws a DfspError where it cannot. What is given wins over `default`, `fixed` over both. */
export async function bareClient(
  properties: Readonly<Record<string, string>>,
  more: {
    readonly default?: Record<string, PropertyValue>
    readonly fixed?: Record<string, PropertyValue>
  } = {},
): Promise<RdKafka.KafkaConsumer> {
  const given = splitProperties(properties, 'consumer')
  const global = {
    ...more.default,
    ...given.global,
    ...more.fixed,
    // Nothing joins it and nothing is committed in it: the client asks for a name.
    'group.id': `dfsp.refetch.${process.pid}`,
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
  } as unknown as RdKafka.ConsumerGlobalConfig
  const { client } = await connect(
    ({ KafkaConsumer }) => new KafkaConsumer(global, { ...given.topic, 'auto.offset.reset': 'earliest' }),
    loginOf(properties),
  )
  return client
}
