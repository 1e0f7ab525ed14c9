/** Plugin threads and the memory they share with the main thread, made before anything of the run is known. */

import { DfspError } from '../base/errors.ts'
import type { OwnFolder } from '../base/held-folder.ts'
import type { Values } from '../config/options/options.ts'
import { E_ENVIRONMENT } from '../core/environment.ts'
import { PAGE_BYTES } from '../core/page-bytes.ts'
import { arena } from '../files/arena.ts'
import { type Store, store } from '../files/store.ts'
import { isOfRecord } from '../kafka/explain.ts'
import { type HostDeps, type LoadedInfo, type PluginHost, pluginHost } from '../plugin/host/host.ts'
import type { SetupMessage } from '../plugin/messages.ts'
import type { OutgoingRecord } from '../plugin/plugin.ts'
import { beforeTheEnd } from './shutdown.ts'

export interface PluginRuntime {
  readonly host: PluginHost
  /** Loads the module in a first thread. */
  load(): Promise<LoadedInfo>
  /** Starts all threads. */
  start(settings: Omit<SetupMessage, 'type'>): Promise<void>
  store(tmp: OwnFolder): Store
  /** What ctx.produce, ctx.logger and a broken plugin lead to, once the run knows. */
  connect(uses: RuntimeUses): void
  /** Calls `look` from now on when a thread has become ready. */
  onReady(look: () => void): void
}

export interface RuntimeUses {
  readonly produce: (record: OutgoingRecord) => Promise<void>
  readonly log: HostDeps['log']
  readonly onBroken: (error: DfspError) => void
}

/** Entries that a plugin may log while it is loaded, before there is a log. */
const MOST_EARLY = 1_000

export interface PluginModule {
  /** `file:` URL of the module. */
  readonly url: string
  /** As the user wrote it. */
  readonly shown: string
}

export function pluginRuntime(
  { url, shown }: PluginModule,
  { threads, timeoutMs }: Pick<Values, 'threads' | 'timeoutMs'>,
): PluginRuntime {
  let uses: RuntimeUses | undefined
  let lookForWork: (() => void) | undefined
  const early: Parameters<HostDeps['log']>[0][] = []
  let untold = 0
  const memory = arena(segment => host.addSegment(segment))
  const host: PluginHost = pluginHost({
    pluginUrl: url,
    pluginName: shown,
    threads,
    timeoutMs,
    segments: () => memory.segments,
    pageBytes: PAGE_BYTES,
    async produce(record) {
      if (!uses) throw new DfspError('E_PLUGIN', 'ctx.produce was called before the run began')
      try {
        await uses.produce(record)
      } catch (error) {
        throw isOfRecord(error)
          ? error
          : Object.assign(new Error((error as Error).message), { code: E_ENVIRONMENT })
      }
    },
    log(entry) {
      if (uses) uses.log(entry)
      else if (early.length < MOST_EARLY) early.push(entry)
      else untold++
    },
    onBroken: error => uses?.onBroken(error),
    onReady: () => lookForWork?.(),
  })
  beforeTheEnd(() => host.killPrograms())
  return {
    host,
    load: () => host.load(),
    start: settings => host.start(settings),
    store: tmp => store(memory, tmp),
    onReady(look) {
      lookForWork = look
    },
    connect(given) {
      uses = given
      for (const entry of early.splice(0)) given.log(entry)
      const message = `${untold.toLocaleString('en-US')} more lines that the plugin logged before the run began are left out`
      if (untold > 0) given.log({ type: 'log', level: 'warn', message, fields: {}, thread: 1 })
    },
  }
}
