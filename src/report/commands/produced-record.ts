/** A record that a plugin produced, where there is no topic to send it to: as a line to read, or as JSON. */
import type { OutgoingRecord } from '../../core/outgoing-record.ts'
import { cutText, oneLine } from '../../core/text/shown-text.ts'

const SHOWN = 400

/** Key and value as text where they are UTF-8 without control characters, else their size. */
export function recordLine({ topic, key, value }: OutgoingRecord): string {
  return oneLine(
    `  -> ${cutText(topic ?? '(--output-topic)', SHOWN)}  ${shown(key ?? null)}  ${shown(value)}`,
  )
}

/** Text where it is UTF-8, else `{"base64": …}`; what is absent is left out. */
export function recordJson({ topic, key, value, partition, headers }: OutgoingRecord): object {
  const plainHeaders = Object.entries(headers ?? {}).map(([name, text]) => [name, plain(text)])
  return {
    topic: topic ?? null,
    ...(partition === undefined ? {} : { partition }),
    key: key === undefined || key === null ? null : plain(key),
    value: plain(value),
    ...(headers === undefined ? {} : { headers: Object.fromEntries(plainHeaders) }),
  }
}

function plain(data: string | Uint8Array): string | { readonly base64: string } {
  return asText(data) ?? { base64: Buffer.from(data as Uint8Array).toString('base64') }
}

function shown(data: string | Uint8Array | null): string {
  if (data === null) return '(no key)'
  const text = asText(data)
  const line = text?.replaceAll('\n', '⏎').replaceAll('\t', ' ')
  if (line === undefined || oneLine(line) !== line) return `(${Buffer.byteLength(data)} bytes)`
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}… (${Buffer.byteLength(data)} bytes)` : line
}

function asText(data: string | Uint8Array): string | undefined {
  if (typeof data === 'string') return data
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    return undefined
  }
}
