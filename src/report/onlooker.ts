/** Who hears of a run, and may look at how it stands. */
import type { RunEvent } from './events.ts'
import type { RunView } from './monitor/run-view.ts'

export interface Onlooker {
  report(event: RunEvent): void
  /** The run reads: from now on it can be looked at. */
  attach(view: RunView): void
  /** Writes or sends what is left. */
  close(): Promise<void>
}
