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
  const safely = source.get('min.insync.replicas')
  return new Map([
    ['cleanup.policy', 'delete'],
    ['retention.ms', keep],
    // Where time alone decides, no size is to be faster: the copy's partitions fill differently.
    ['retention.bytes', keep === '-1' ? (source.get('retention.bytes') ?? '-1') : '-1'],
    ['segment.bytes', String(SEGMENT_BYTES)],
    ['max.message.bytes', String(needed(source))],
    ['message.timestamp.type', 'CreateTime'],
    ...(safely === undefined ? [] : [['min.insync.replicas', safely] as const]),
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

/** What of a topic that is there already would lose records, not take them, or change them. */
export function wrongSettings(source: Settings, copy: Settings): readonly WrongSetting[] {
  const limit = (name: string) => {
    const wanted = Number(settingsOfCopy(source).get(name))
    return (found: string) => Number(found) < 0 || (wanted >= 0 && Number(found) >= wanted)
  }
  const rules: readonly (readonly [name: string, isRight: (found: string) => boolean, why: string])[] = [
    [
      'cleanup.policy',
      found => found === 'delete',
      'compaction deletes chunks, and files never become whole',
    ],
    ['retention.ms', limit('retention.ms'), TOO_EARLY],
    ['retention.bytes', limit('retention.bytes'), TOO_EARLY],
    ['max.message.bytes', found => Number(found) >= needed(source), 'with its header a copy may be larger'],
    ['message.timestamp.type', found => found === 'CreateTime', 'copies keep the time of their records'],
  ]
  return rules.flatMap(([name, isRight, why]) => {
    const found = copy.get(name)
    if (found === undefined || isRight(found)) return []
    return [{ name, found, wanted: settingsOfCopy(source).get(name) ?? '', why }]
  })
}

const TOO_EARLY = 'it would delete records that the topic still has'
