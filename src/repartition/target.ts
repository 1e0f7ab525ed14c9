/** The topic that is copied to: made where it is not there, and looked at where it is. */
import { setTimeout as delay } from 'node:timers/promises'
import { DfspError } from '../base/errors.ts'
import { type ClientError, ERR } from '../kafka/client-error.ts'
import type { CopyMember } from '../kafka/copying/member.ts'
import { makeTopic, type TopicFacts, topicFacts } from '../kafka/copying/topic-facts.ts'
import { explain } from '../kafka/explain.ts'
import { SETTINGS, settingsOfCopy, wrongSettings } from './copy-settings.ts'

export interface TargetOptions {
  readonly topic: string
  readonly target: string
  /** As was asked for; undefined: as many as the topic has. */
  readonly partitions: number | undefined
  readonly properties: Readonly<Record<string, string>>
}

/** A topic that was made shows up at all brokers after this time. */
const APPEARS_MS = 30_000
const ASK_EVERY_MS = 200

/** How many partitions it has. Throws a DfspError where it cannot be made, or must not be used. */
export async function openTarget(
  member: Pick<CopyMember, 'client' | 'login' | 'group' | 'partitions' | 'committed'>,
  { topic, target, partitions, properties }: TargetOptions,
  tell: (event: { readonly type: 'info' | 'problem'; readonly text: string }) => void,
): Promise<number> {
  if (topic === target)
    throw new DfspError('E_USAGE', `${topic} cannot be copied into itself`, { next: `--to ${topic}.by-path` })
  const { client, login, group } = member
  const explained = (error: ClientError) => {
    throw explain(error, { topic, group, login, doing: 'read offsets' })
  }
  const facts = (name: string) => topicFacts(client, name, properties, SETTINGS).catch(explained)
  const source = await facts(topic)
  if (source === undefined) throw new DfspError('E_TOPIC_MISSING', `topic "${topic}" does not exist`)
  const found = await facts(target)
  if (found !== undefined) {
    refuseWrong(target, source, found, login.brokers)
    if (source.settings === undefined || found.settings === undefined)
      tell({
        type: 'problem',
        text: `settings of ${topic} or ${target} are not told to this client: not compared`,
      })
    return found.partitions
  }
  const wanted = {
    partitions: partitions ?? source.partitions,
    replicas: source.replicas,
    settings: settingsOfCopy(source.settings ?? new Map()),
  }
  const missing = (...facts: string[]) =>
    new DfspError('E_TOPIC_MISSING', `topic "${target}" does not exist`, {
      facts,
      next: createLine(target, wanted, login.brokers),
    })
  const begun = await member.committed(member.partitions).catch(explained)
  if ([...begun.values()].some(committed => committed !== undefined))
    throw new DfspError('E_TOPIC_MISSING', `topic "${target}" does not exist any more`, {
      facts: [`group ${group} has copied into it`],
      next: `kafka-consumer-groups.sh --bootstrap-server ${login.brokers} --delete --group ${group}   (then all that the topic has is copied again)`,
    })
  if (source.settings === undefined)
    throw missing(
      `it is not made, since the settings of ${topic} are not told to this client: give the copy its retention.ms and max.message.bytes`,
    )
  try {
    await makeTopic(client, target, wanted)
    tell({ type: 'info', text: `made topic ${target} with ${wanted.partitions} partitions` })
  } catch (error) {
    const { code, message } = error as ClientError
    if (code !== ERR.TOPIC_EXISTS) throw missing(`it cannot be made by this client: ${message}`)
  }
  for (const until = performance.now() + APPEARS_MS; performance.now() < until; ) {
    const made = await facts(target)
    if (made !== undefined) return made.partitions
    await delay(ASK_EVERY_MS)
  }
  throw missing('it was made, and has not appeared since')
}

function createLine(target: string, { partitions, replicas, settings }: TopicFacts, brokers: string): string {
  const configs = [...(settings ?? [])].map(([name, value]) => ` --config ${name}=${value}`).join('')
  return `kafka-topics.sh --bootstrap-server ${brokers} --create --topic ${target} --partitions ${partitions} --replication-factor ${replicas}${configs}`
}

function refuseWrong(target: string, source: TopicFacts, found: TopicFacts, brokers: string): void {
  const wrong = wrongSettings(source.settings ?? new Map(), found.settings ?? new Map())
  if (wrong.length === 0) return
  throw new DfspError('E_CONFIG', `topic ${target} is not fit for a copy`, {
    facts: wrong.map(({ name, found, why }) => `${name} is ${found}: ${why}`),
    next: `kafka-configs.sh --bootstrap-server ${brokers} --alter --topic ${target} --add-config ${wrong.map(({ name, wanted }) => `${name}=${wanted}`).join()}`,
  })
}
