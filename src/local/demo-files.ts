/** The files of the demo: five scans, and one that the plugin cannot read. */

const POINTS = 4_600

/** Text by path. */
export function demoFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (let scan = 1; scan <= 5; scan++) files.set(`a/scan_0${scan}.csv`, scanText(scan))
  files.set('bad.csv', 'angle,counts\n30.0,shutter closed\n')
  return files
}

/** A peak on a flat ground; each scan has it elsewhere. */
function scanText(scan: number): string {
  const rows = Array.from({ length: POINTS }, (_, i) => {
    const angle = 10 + i / 100
    const away = angle - (15 + 4 * scan)
    return `${angle.toFixed(2)},${Math.round(90 + 500 * scan * Math.exp(-away * away))}`
  })
  return `angle,counts\n${rows.join('\n')}\n`
}
