/**
 * Any value as JSON data of a bounded size. What user code logs may be circular, a bigint, a revoked proxy, or huge:
 * showing it never throws, and what of it is beyond the bound is not looked at.
 */

import { cutText } from './shown-text.ts'

export type Plain = string | number | boolean | null | Plain[] | { [name: string]: Plain }

const DEEPEST = 16
const UNSHOWN = '(cannot be shown)'

/** `most`: characters of all texts in it, and values in it, together. */
export function plainValue(value: unknown, most: number): Plain {
  let left = most

  function text(given: string): string {
    const kept = cutText(given, Math.max(0, left))
    left -= kept.length
    return kept
  }

  function plain(given: unknown, within: readonly object[]): Plain {
    left--
    try {
      if (typeof given === 'string') return text(given)
      if (typeof given === 'number') return Number.isFinite(given) ? given : String(given)
      if (typeof given === 'boolean' || given === null) return given
      return typeof given === 'object' ? object(given, within) : text(String(given))
    } catch {
      return UNSHOWN
    }
  }

  function object(given: object, within: readonly object[]): Plain {
    if (within.includes(given)) return '(circular)'
    if (within.length === DEEPEST) return '…'
    const inside = [...within, given]
    if (given instanceof Error) return text(String(given.message))
    if (ArrayBuffer.isView(given)) return `(${given.byteLength} bytes)`
    if (Array.isArray(given)) return list(given, inside)
    if (given instanceof Set || given instanceof Map) return list([...given], inside)
    const { toJSON } = given as { toJSON?: unknown }
    // One of its own is a field that happens to be called so.
    if (typeof toJSON === 'function' && !Object.hasOwn(given, 'toJSON'))
      return plain(toJSON.call(given), inside)
    return record(given as Record<string, unknown>, inside)
  }

  function list(given: readonly unknown[], inside: readonly object[]): Plain[] {
    const shown: Plain[] = []
    while (shown.length < given.length && left > 0) shown.push(plain(given[shown.length], inside))
    return shown.length < given.length ? [...shown, moreText(given.length - shown.length)] : shown
  }

  function record(given: Readonly<Record<string, unknown>>, inside: readonly object[]): Plain {
    const names = Object.keys(given)
    const shown: [string, Plain][] = []
    for (const name of names) {
      if (left <= 0) return Object.fromEntries([...shown, ['…', moreText(names.length - shown.length)]])
      shown.push([text(name), member(given, name, inside)])
    }
    return Object.fromEntries(shown)
  }

  /** Reading it may run code of its own. */
  function member(given: Readonly<Record<string, unknown>>, name: string, inside: readonly object[]): Plain {
    try {
      return plain(given[name], inside)
    } catch {
      return UNSHOWN
    }
  }

  return plain(value, [])
}

/** As text: a string as it is, anything else as JSON. */
export function plainText(value: unknown, most: number): string {
  const plain = plainValue(value, most)
  return typeof plain === 'string' ? plain : JSON.stringify(plain)
}

/**
 * The fields of a log entry, bounded as one value. What is no object with names is one field, `value`; nothing is none.
 */
export function plainFields(fields: unknown, most: number): { [name: string]: Plain } {
  if (fields === undefined || fields === null) return {}
  const plain = plainValue(fields, most)
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain) ? plain : { value: plain }
}

/** The same with each field as one value: a number or boolean as it is, anything else as text. */
export function flatFields(fields: unknown, most: number): { [name: string]: string | number | boolean } {
  const all = Object.entries(plainFields(fields, most))
  return Object.fromEntries(
    all.map(([name, value]) => [name, isScalar(value) ? value : plainText(value, most)]),
  )
}

export function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

const moreText = (count: number) => `and ${count.toLocaleString('en-US')} more`
