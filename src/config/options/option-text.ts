/** The value of an option as text: what `parseOption` reads back. */
import type { OptionSpec } from './option-spec.ts'
import { durationText, sizeText } from './units.ts'

export function optionText(spec: OptionSpec, value: unknown): string {
  if (value instanceof RegExp) return value.source
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value === 'number') {
    if (spec.type === 'size') return sizeText(value)
    if (spec.type === 'duration') return durationText(value)
  }
  if (spec.type === 'start' && typeof value === 'object' && value !== null && 'time' in value) {
    return new Date(Number(value.time)).toISOString()
  }
  if (
    spec.type === 'address' &&
    typeof value === 'object' &&
    value !== null &&
    'host' in value &&
    'port' in value
  ) {
    return `${value.host}:${value.port}`
  }
  return String(value)
}
