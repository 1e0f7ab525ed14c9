/** The demo's own telling of a run, for somebody who sees one for the first time. */
import type { RunEvent } from '../events.ts'
import { formatMs } from '../quantities.ts'

/** One line for what happened, or none. */
export function demoLine(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'info':
      return event.text.startsWith('joining') ? `  ${event.text}, which takes 3 s on this broker` : undefined
    case 'problem':
      return `  ${event.text}`
    case 'retry':
      return `  retry  ${event.path}: ${event.error}; next attempt in ${formatMs(event.delayMs)}`
    case 'file': {
      const { path, result, attempt, ms, error } = event
      const chunks = Object.keys(event.partitions).length
      if (result === 'ok')
        return `  ok     ${path}  ${formatMs(ms)}, its chunks came from ${chunks} partition${chunks === 1 ? '' : 's'}`
      return `  FAIL   ${path} after ${attempt} attempts: ${error}`
    }
    default:
      return undefined
  }
}
