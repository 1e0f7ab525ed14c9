/** Sizes and durations as people write them; strict, since "512" may mean bytes as well as MiB. */

export type Parsed<T> = { readonly value: T } | { readonly problem: string }

const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
  TIB: 1024 ** 4,
}

const DURATIONS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]

/** "512MiB", "1.5 GB" -> bytes. */
export function parseSize(text: string): Parsed<number> {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? []
  if (number === '') return { problem: `"${text}" is not a size such as 512MiB` }
  if (unit === '') return { problem: `"${text}" has no unit: ${number}MiB?` }
  const factor = SIZES[unit.toUpperCase()]
  if (factor === undefined) {
    const meant = /^[kmgt]$/i.test(unit) ? `${unit.toUpperCase()}iB` : 'MiB'
    return {
      problem: `"${text}" has no known unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB): ${number}${meant}?`,
    }
  }
  const bytes = Number(number) * factor
  return Number.isSafeInteger(bytes) ? { value: bytes } : { problem: `"${text}" is no whole number of bytes` }
}

/** "90s", "1h30m", "500ms" -> milliseconds. */
export function parseDuration(text: string): Parsed<number> {
  if (/^\d+(\.\d+)?$/.test(text.trim())) return { problem: `"${text}" has no unit: ${text.trim()}s?` }
  let rest = text.trim()
  let total = 0
  for (const [unit, ms] of DURATIONS) {
    const match = new RegExp(`^(\\d+(?:\\.\\d+)?)${unit}(?![a-z])`).exec(rest)
    if (match === null) continue
    total += Number(match[1]) * ms
    rest = rest.slice(match[0].length)
  }
  if (rest !== '' || text.trim() === '') {
    return { problem: `"${text}" is not a duration such as 30s, 10m or 1h30m` }
  }
  return { value: Math.round(total) }
}

/** Milliseconds in the largest unit that gives a whole number: what `parseDuration` reads back. */
export function durationText(ms: number): string {
  const [unit, factor] = DURATIONS.find(([, each]) => ms > 0 && ms % each === 0) ?? ['ms', 1]
  return ms === 0 ? '0s' : `${ms / factor}${unit}`
}

/** Bytes in the largest unit that gives a whole number: what `parseSize` reads back. */
export function sizeText(bytes: number): string {
  const unit = (['TiB', 'GiB', 'MiB', 'KiB'] as const).find(
    name => bytes % (SIZES[name.toUpperCase()] ?? 1) === 0,
  )
  return unit === undefined || bytes === 0
    ? `${bytes}B`
    : `${bytes / (SIZES[unit.toUpperCase()] ?? 1)}${unit}`
}
