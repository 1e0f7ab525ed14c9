/** What a run waits for while nothing ends and nothing begins: which files the plugin has, and for how long. */
import { listText } from '../core/text/list-text.ts'
import type { OpenFile } from '../processor/table/open-file.ts'
import type { RunEvent } from '../report/events.ts'
import { formatMs } from '../report/quantities.ts'

/** No file began or ended for so long: then it is told, and told again while that lasts. */
const STILL_MS = 10_000
const AGAIN_MS = 60_000

/** To be called every second or so, with the files that run and when each began. */
export function stillRunning(
  report: (event: RunEvent) => void,
  now: () => number,
): (running: ReadonlyMap<Pick<OpenFile, 'path'>, number>) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  return running => {
    const at = now()
    if (running.size === 0 || at - Math.max(...running.values()) < STILL_MS) {
      toldAt = Number.NEGATIVE_INFINITY
      return
    }
    if (at - toldAt < AGAIN_MS) return
    toldAt = at
    const names = [...running].map(([{ path }, from]) => `${path} (${formatMs(at - from)})`)
    const text = `waiting for the plugin: ${listText(names)}`
    report({ type: 'info', text })
  }
}
