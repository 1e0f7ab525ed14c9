/** What Kafka's client does not tell: which version the broker is of, and for how long a topic keeps its records. */
import { API_VERSIONS, onWire, reader, text, type Wire } from './wire.ts'

export interface ClusterFacts {
  /** "4.1"; undefined where it does not say in a way that is known here. */
  readonly version: string | undefined
  readonly retention: Retention | undefined
}

export interface Retention {
  /** Milliseconds; undefined: for ever, or until they are compacted away. */
  readonly ms: number | undefined
  /** Of a partition; undefined: any size. */
  readonly bytes: number | undefined
}

const DESCRIBE_CONFIGS = 32
const TOPIC = 2
const CONFIGS = ['cleanup.policy', 'retention.ms', 'retention.bytes']

/** Never rejects: what cannot be learned is undefined. Without a topic its retention is not asked for. */
export async function clusterFacts(
  properties: Readonly<Record<string, string>>,
  topic: string | undefined,
): Promise<ClusterFacts> {
  const facts = onWire(properties, async wire => {
    const version = await versionOf(wire).catch(() => undefined)
    const retention = topic === undefined ? undefined : await retentionOf(wire, topic).catch(() => undefined)
    return { version, retention }
  })
  return await facts.catch(() => ({ version: undefined, retention: undefined }))
}

/** Values by name; undefined where the broker refuses to tell. */
export async function describedConfigs(
  wire: Wire,
  type: number,
  name: string,
  configs: readonly string[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const one = Buffer.from([0, 0, 0, 1])
  const names = Buffer.from([0, 0, 0, configs.length])
  const body = [one, Buffer.from([type]), text(name), names, ...configs.map(text), Buffer.from([0])]
  const answer = reader(await wire.ask(DESCRIBE_CONFIGS, 1, Buffer.concat(body)))
  answer.int32() // throttle time
  if (answer.int32() !== 1 || answer.int16() !== 0) return undefined
  answer.text() // error message
  answer.int8()
  answer.text()
  const found = new Map<string, string>()
  for (let left = answer.int32(); left > 0; left--) {
    const name = answer.text() ?? ''
    const value = answer.text()
    answer.bytes(3) // read-only, source, sensitive
    for (let synonyms = answer.int32(); synonyms > 0; synonyms--) {
      answer.text()
      answer.text()
      answer.int8()
    }
    if (value !== undefined) found.set(name, value)
  }
  return found
}

async function retentionOf(wire: Wire, topic: string): Promise<Retention | undefined> {
  const found = await describedConfigs(wire, TOPIC, topic, CONFIGS)
  if (found === undefined) return undefined
  if (!found.has('cleanup.policy')) return undefined
  const deletes = found.get('cleanup.policy')?.split(',').includes('delete') === true
  const limit = (name: string) => {
    const value = Number(found.get(name) ?? -1)
    return deletes && value >= 0 ? value : undefined
  }
  return { ms: limit('retention.ms'), bytes: limit('retention.bytes') }
}

/** By the highest metadata version that the broker knows; an answer of the flexible kind. */
async function versionOf(wire: Wire): Promise<string | undefined> {
  const software = (word: string) => Buffer.concat([Buffer.from([word.length + 1]), Buffer.from(word)])
  const body = Buffer.concat([software('dfsp'), software('1'), Buffer.from([0])])
  const answer = reader(await wire.ask(API_VERSIONS, 3, body, true))
  if (answer.int16() !== 0) return undefined
  for (let left = answer.varint() - 1; left > 0; left--) answer.bytes(7) // api, least, most, no tags
  answer.int32() // throttle time
  for (let tags = answer.varint(); tags > 0; tags--) {
    const tag = answer.varint()
    const field = reader(answer.bytes(answer.varint()))
    if (tag !== 0) continue
    for (let left = field.varint() - 1; left > 0; left--) {
      const name = field.bytes(field.varint() - 1).toString()
      field.int16()
      const highest = field.int16()
      field.varint() // no tags
      if (name === 'metadata.version') return release(highest)
    }
  }
  return undefined
}

/** The first level of each release, by Kafka's MetadataVersion. */
const RELEASES: readonly (readonly [level: number, release: string])[] = [
  [4, '3.3'],
  [8, '3.4'],
  [9, '3.5'],
  [12, '3.6'],
  [15, '3.7'],
  [20, '3.8'],
  [21, '3.9'],
  [22, '4.0'],
  [26, '4.1'],
]
/** Beyond it the releases are not known here. */
const LAST_LEVEL = 27

function release(level: number): string | undefined {
  if (level > LAST_LEVEL) return 'newer than 4.1'
  return RELEASES.findLast(([first]) => level >= first)?.[1]
}
