/** What a run is told, and what it is given to work with. */
import type { Values } from '../config/options/options.ts'
import type { FileId } from '../core/chunks/generation.ts'
import type { LoadedInfo } from '../plugin/host/host.ts'
import type { FromThread } from '../plugin/messages.ts'
import type { OutgoingRecord } from '../plugin/plugin.ts'
import type { RunEvent } from '../report/events.ts'
import type { RunView } from '../report/monitor/run-view.ts'
import type { Connecting, ConnectOptions } from './connecting.ts'
import type { PluginSettings } from './plugin-life.ts'
import type { PluginRuntime } from './plugin-runtime.ts'

/** The values of all options, of which each part takes its own, and what the command makes of them. */
export type RunOptions = Values &
  ConnectOptions &
  PluginSettings & {
    /** Files that are not run now, and stay unresolved as they are. */
    readonly leave?: (file: FileId) => boolean
    /** Files of which it was told before that they cannot be processed: with any, what is processed well ends with 3. */
    readonly unprocessed?: number
    /** With `untilEnd`: offsets by partition up to which to read, instead of the ends as they are at the start. */
    readonly goals?: ReadonlyMap<number, number>
  }

export interface RunDeps {
  readonly runtime: PluginRuntime
  readonly loaded: LoadedInfo
  report(event: RunEvent): void
  logFromPlugin(entry: Extract<FromThread, { type: 'log' }>): void
  /** Takes the view of the run once it reads. */
  onView?(view: RunView): void
  /** Where the consumer is being opened already; `run` opens it without. */
  readonly connecting?: Connecting
  /** With --watch: the plugin's module, and its options as they are once it exports this. */
  readonly reload?:
    | {
        readonly file: string
        readonly optionsOf: (info: LoadedInfo) => Promise<PluginSettings['pluginOptions']>
      }
    | undefined
  /** Where ctx.produce goes; closed at the end. */
  readonly produce: (record: OutgoingRecord) => Promise<void>
}
