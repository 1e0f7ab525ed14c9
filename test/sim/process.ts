/** One process: a processor and all that it is given. It ends with its life; nothing it waits for comes afterwards. */
import { processor as newProcessor, type Processor } from '../../src/processor/processor.ts'
import type { Broker } from './broker.ts'
import type { SimClock } from './clock.ts'
import { type SimConsumer, simConsumer } from './consumer.ts'
import { digest128, sha } from './files.ts'
import type { SimJournal } from './journal.ts'
import { deadLetterTopic } from './letters.ts'
import { pluginOrders } from './plugin.ts'
import { simRefetch } from './refetch.ts'
import { threads } from './threads.ts'
import type { World } from './world.ts'

export interface Process {
  readonly processor: Processor
  readonly consumer: SimConsumer
  readonly host: ReturnType<typeof threads>
}

export function beginProcess(
  world: World,
  broker: Broker,
  journal: SimJournal | undefined,
  stop: () => void,
): Process {
  const { plan, store, checks, happened, trace } = world
  const life = world.life
  const clock: SimClock = {
    ...world.clock,
    after: (ms, then, idle) => world.clock.after(ms, () => life === world.life && then(), idle),
  }
  let processor: Processor
  // A full disk stops reading only: files in memory go their way.
  const blocked = () => /different files/.exec(processor.blocked?.reason ?? '')?.input
  const consumer = simConsumer(world, broker, () => processor)
  const host = threads(plan.threads, plan.ahead, clock, store, pluginOrders(world))
  processor = newProcessor({
    settings: {
      ...plan.settings,
      topic: 'xrd',
      diskPath: path => `/out/${path}`,
      files: plan.on.has('filtered') ? /^d\// : undefined,
    },
    host,
    hooks: new Set(plan.hooks),
    store,
    journal,
    commit: consumer.commit,
    committedNow: consumer.committedNow,
    endOffsets: consumer.endOffsets,
    partitionCount: () => broker.partitions.length,
    deadLetter: deadLetterTopic(world, blocked),
    refetch: simRefetch(world, broker, clock),
    pause: consumer.pause,
    resume: consumer.resume,
    report(event) {
      trace(() => `event ${JSON.stringify(event)}`)
      checks.onEvent(event, blocked())
    },
    now: clock.now,
    after: (ms, then) => clock.after(ms, then),
    sha512: sha,
    digest128,
    onChange() {},
    onFatal: error => checks.violate(error.message),
    onStop(reason) {
      if (plan.settings.onError !== 'stop') checks.violate(`the run stops: ${reason}`)
      happened('stopped by policy')
      stop()
    },
  })
  return { processor, consumer, host }
}
