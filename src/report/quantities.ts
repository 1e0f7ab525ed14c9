/** Sizes, times and counts as people read them. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `38.2 MiB`; `space` stands between number and unit. */
export function formatBytes(bytes: number, space = ' '): string {
  let unit = 0
  let n = bytes
  while (Math.round(n) >= 1024 && unit < UNITS.length - 1) {
    n /= 1024
    unit++
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)}${space}${UNITS[unit]}`
}

/** `00:02:10`, with days in front where there are any. */
export function formatClock(seconds: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  const days = Math.floor(seconds / 86_400)
  return `${days > 0 ? `${days}d ` : ''}${two((seconds % 86_400) / 3_600)}:${two((seconds % 3_600) / 60)}:${two(seconds % 60)}`
}

/** `212 ms`, `2.1 s`, `4 min`. */
export function formatMs(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}

/** `2 d 4 h`, `3 h 20 min`, `12 min`, `4.0 s`. */
export function formatAge(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000)
  if (minutes < 2) return formatMs(Math.max(0, ms))
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 24
    ? twoUnits(hours, 'h', minutes % 60, 'min')
    : twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function twoUnits(large: number, unit: string, small: number, smaller: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smaller}`
}

/** `1,204`. */
export function formatCount(n: number): string {
  return n.toLocaleString('en-US')
}
