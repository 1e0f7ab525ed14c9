/** The settings of a copy, as they follow from those of its topic. */

/** What is to be known of a topic. */
export const SETTINGS = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'min.insync.replicas',
  'message.timestamp.type',
] as const

type Settings = ReadonlyMap<string, string>

/** What the header adds to a record, with room to spare: topic names have up to 249 characters. */
const HEADER_BYTES = 4 * 1024
/** Records can be deleted by whole segments only. */
const SEGMENT_BYTES = 50 * 1024 * 1024

/** Records keep their times, so both topics forget a record at the same time. */
export function settingsOfCopy(source: Settings): Settings {
  const keep = source.get('retention.ms') ?? '-1'
  return new Map([
    ['cleanup.policy', 'delete'],
    ['retention.ms', keep],
    // Where time alone decides, no size is to be faster: the copy's partitions fill differently.
    ['retention.bytes', keep === '-1' ? (source.get('retention.bytes') ?? '-1') : '-1'],
    ['segment.bytes', String(SEGMENT_BYTES)],
    ['max.message.bytes', String(needed(source))],
    ['message.timestamp.type', 'CreateTime'],
    ...['min.insync.replicas'].flatMap(name => {
      const value = source.get(name)
      return value === undefined ? [] : [[name, value] as const]
    }),
  ])
}

function needed(source: Settings): number {
  return Number(source.get('max.message.bytes') ?? 1_048_588) + HEADER_BYTES
}

export interface WrongSetting {
  readonly name: string
  readonly found: string
  readonly wanted: string
  readonly why: string
}

/** What of a topic that is there already would lose records, or not take them. */
export function wrongSettings(source: Settings, copy: Settings): readonly WrongSetting[] {
  const wrong: WrongSetting[] = []
  const check = (name: string, wanted: string, isRight: (found: string) => boolean, why: string) => {
    const found = copy.get(name)
    if (found !== undefined && !isRight(found)) wrong.push({ name, found, wanted, why })
  }
  const keep = Number(source.get('retention.ms') ?? -1)
  check(
    'cleanup.policy',
    'delete',
    found => found === 'delete',
    'compaction deletes chunks of one key, and a file never becomes whole',
  )
  check(
    'retention.ms',
    String(keep),
    found => Number(found) < 0 || (keep >= 0 && Number(found) >= keep),
    'records would be deleted while the topic still has them',
  )
  check(
    'max.message.bytes',
    String(needed(source)),
    found => Number(found) >= needed(source),
    'the header of a copy can make a record larger than that',
  )
  check(
    'message.timestamp.type',
    'CreateTime',
    found => found === 'CreateTime',
    'copies keep the time of their records',
  )
  return wrong
}
