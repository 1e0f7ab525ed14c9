/** `dfsp repartition`: a topic copied so that each file lies in one partition. */
import os from 'node:os'
import { producerProperties } from '../../config/encryption.ts'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import type { Handover } from '../../repartition/repartition.ts'
import { repartitionReporter } from '../../report/commands/repartition-report.ts'
import { inherited, onParentsStop, renewed, sayGrown } from '../../run/renewed.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  name: 'repartition',
  describe:
    'Copies a topic, each record exactly once, into one in which all chunks of a file lie in one partition: what dfsp run --shared needs. Keys, values, headers and times stay; the header dfsp.from says where a record came from. The copy is made if it is not there, and kept as long as the topic. It goes on until it is stopped; several hosts share the work, each with a name of its own.',
  examples: [
    ['dfsp repartition -t xrd', 'xrd into xrd.by-path, until Ctrl-C'],
    ['dfsp run -p ./plot.ts -t xrd.by-path --shared', 'what reads it: the same on as many hosts as wanted'],
    [
      'dfsp repartition -t xrd --from-group dfsp.plot.xrd',
      'begin where that group stands; then dfsp run --shared with the same group goes on',
    ],
    [
      'dfsp repartition -t xrd --purge-after dfsp.plot.xrd',
      'delete of the copy what that group has processed',
    ],
  ],
  async run(invocation) {
    const settings = await invocation.settings()
    const { values } = settings
    const topic = requireValue(settings, 'topic', 'dfsp repartition -t xrd …')
    requireBrokers(settings, 'repartition')
    const producer = producerProperties(settings)
    const child = inherited<Handover>(invocation.env)
    if (child === undefined) return await renewed(invocation.env)
    const { openConsole } = await import('../terminal/console.ts')
    const console = openConsole(invocation, values, { topic, live: 'status' })
    const report = repartitionReporter({
      log: console.log,
      json: values.json ? console.out : undefined,
      draw: console.isLive ? console.status : undefined,
    })
    for (const text of settings.notices) report({ type: 'problem', text })
    try {
      const { copyNameOf, repartition } = await import('../../repartition/repartition.ts')
      return await repartition(
        {
          topic,
          target: values.toTopic ?? copyNameOf(topic),
          member: values.member ?? os.hostname(),
          partitions: values.partitions,
          fromGroups: values.fromGroup,
          purgeAfter: values.purgeAfter,
          commitEveryMs: values.commitEveryMs,
          untilEnd: values.untilEnd,
          consumerProperties: settings.kafka.consumer,
          producerProperties: producer,
          progressMs: console.isLive ? 250 : values.statsMs,
        },
        { report, listen: onParentsStop, before: child.carried, grown: sayGrown },
      )
    } finally {
      await console.close()
    }
  },
}
