/** One record as it lies on the topic, for whoever wonders what it is. */
import { cutText, jsonLine, oneLine } from '../../core/text/shown-text.ts'
import { formatBytes, formatCount } from '../quantities.ts'

export interface RawRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer])[]
  readonly value: Buffer | null
  /** Of a chunk: what it says, and whether its own SHA-512 is right. */
  readonly chunk:
    | {
        readonly path: string
        readonly index: number
        readonly total: number
        readonly from: number
        readonly bytes: number
        readonly sha512: string
        readonly isIntact: boolean
        readonly mtime: number
      }
    | { readonly reason: string }
}

const SHOWN_BYTES = 128
const SHOWN_TEXT = 200
const ROW = 16

export function rawRecordText(record: RawRecord): string[] {
  const { topic, partition, offset, timestamp, key, headers, value, chunk } = record
  const bytes = value?.length ?? 0
  const first = headers.map(([name, text]) => `${cutText(name, SHOWN_TEXT)} = ${shown(text)}`)
  return [
    `${topic}[${partition}]@${offset}`,
    line('size', value === null ? 'no value' : `${formatCount(bytes)} B (${formatBytes(bytes)})`),
    line('time', timestamp < 0 ? 'none' : new Date(timestamp).toISOString()),
    line('key', key === null ? 'none' : `${shown(key)} (${key.length} B)`),
    ...(first.length === 0
      ? [line('headers', 'none')]
      : first.map((text, i) => line(i ? '' : 'headers', text))),
    ...dump(value ?? Buffer.alloc(0)).map((row, i) => line(i ? '' : 'begins', row)),
    ...meaning(chunk).map((text, i) => line(i ? '' : 'is', text)),
  ].map(oneLine)
}

export function rawRecordJson(record: RawRecord): string {
  const { topic, partition, offset, timestamp, key, headers, value, chunk } = record
  return jsonLine({
    v: 1,
    type: 'record',
    topic,
    partition,
    offset,
    time: timestamp < 0 ? null : new Date(timestamp).toISOString(),
    bytes: value?.length ?? null,
    key: key?.toString('base64') ?? null,
    headers: headers.map(([name, text]) => [name, text.toString('base64')]),
    head: value?.subarray(0, SHOWN_BYTES).toString('base64') ?? null,
    ...('reason' in chunk ? { undecodable: chunk.reason } : { chunk }),
  })
}

function meaning(chunk: RawRecord['chunk']): string[] {
  if ('reason' in chunk) return [`no chunk: ${chunk.reason}`]
  const { path, index, total, from, bytes, sha512, isIntact, mtime } = chunk
  const end = bytes === 0 ? 'no bytes' : `bytes ${formatCount(from)}-${formatCount(from + bytes - 1)}`
  const modified = mtime === 0 ? '' : `, modified ${new Date(mtime * 1_000).toISOString()}`
  return [
    `chunk ${index} of ${total} of ${path}: ${end}${modified}`,
    `its own SHA-512 is ${isIntact ? 'right' : 'WRONG: it was damaged before or on its way'}`,
    `SHA-512 of the file ${sha512}`,
  ]
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(8)} ${text}`
}

/** As `hexdump -C` shows them. */
function dump(value: Buffer): string[] {
  const rows: string[] = []
  for (let at = 0; at < Math.min(value.length, SHOWN_BYTES); at += ROW) {
    const row = value.subarray(at, Math.min(at + ROW, SHOWN_BYTES))
    const hex = [...row].map(byte => byte.toString(16).padStart(2, '0')).join(' ')
    const text = [...row]
      .map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'))
      .join('')
    rows.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(3 * ROW - 1)}  ${text}`)
  }
  return rows.length === 0 ? ['(empty)'] : rows
}

/** Quoted text with control characters escaped, or its size. */
function shown(data: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
    return jsonLine(text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text)
  } catch {
    return `0x${data.subarray(0, 32).toString('hex')}${data.length > 32 ? '…' : ''}`
  }
}
