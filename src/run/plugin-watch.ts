/** `--watch` of `run` and `try`: hears of changes to the plugin's files, and loads it anew in a run. */
import path from 'node:path'
import type { DfspError } from '../base/errors.ts'
import type { LoadedInfo, PluginHost } from '../plugin/host/host.ts'
import type { SetupMessage } from '../plugin/messages.ts'
import { moduleFiles } from './module-files.ts'

/** An editor, or a checkout, writes more than one file. */
const TOGETHER_MS = 100

/**
 * Calls `onChange` with the names of changed files, a moment after they were written, until the returned function
 * is called. Resolves when it watches.
 */
export async function watchModules(
  file: string,
  onChange: (names: readonly string[]) => void,
): Promise<() => Promise<void>> {
  const { watch } = await import('chokidar')
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(moduleFiles(file), { ignoreInitial: true, atomic: true })
  watcher.on('all', (event, at) => {
    if (event === 'unlink') return // most write a new one at once; without one there is nothing to load
    changed.add(path.basename(at))
    clearTimeout(timer)
    timer = setTimeout(() => {
      watcher.add(moduleFiles(file))
      onChange([...changed])
      changed.clear()
    }, TOGETHER_MS)
  })
  await new Promise<void>(resolve => {
    watcher.once('ready', resolve)
  })
  return async () => {
    clearTimeout(timer)
    await watcher.close()
  }
}

export interface ReloadDeps {
  readonly host: PluginHost
  /** What threads are to be set up with, now that the plugin exports this. */
  readonly settingsOf: (info: LoadedInfo) => Promise<Omit<SetupMessage, 'type'>>
  readonly onReloaded: (info: LoadedInfo) => void
  readonly report: (event: { readonly type: 'info' | 'problem'; readonly text: string }) => void
}

/** Loads the plugin anew whenever one of its files changes; while it cannot be loaded the old one goes on. */
export async function reloadOnChange(file: string, deps: ReloadDeps): Promise<() => Promise<void>> {
  const { host, report } = deps
  let waiting: readonly string[] | undefined
  let isLoading = false
  let isOver = false

  async function load(): Promise<void> {
    isLoading = true
    for (let names = waiting; names !== undefined && !isOver; names = waiting) {
      waiting = undefined
      try {
        deps.onReloaded(await host.reload(deps.settingsOf))
        report({ type: 'info', text: `${names.join(', ')} changed: the plugin was loaded anew` })
      } catch (error) {
        const { message, facts = [] } = error as DfspError
        const what = [message, ...facts].join(': ')
        if (!isOver) report({ type: 'problem', text: `${what}; the plugin as it was goes on` })
      }
    }
    isLoading = false
  }

  const stop = await watchModules(file, names => {
    waiting = names
    if (!isLoading) void load()
  })
  return async () => {
    isOver = true
    await stop()
  }
}
