/** What user code is given beside a file: settings, log, signal, lock, folders. */
import fs from 'node:fs'
import path from 'node:path'
import { type HeldFolder, openOwnFolder, removeEntry } from '../../base/held-folder.ts'
import type { LogLevel, SetupMessage } from '../messages.ts'
import type { Context, Logger, PluginOptions } from '../plugin.ts'
import type { ToHost } from './to-host.ts'

/** One call of user code. */
export interface CallScope {
  readonly path: string
  readonly abort: Abort
  readonly final: boolean
  readonly tmp: TmpFolder
}

/** Made anew for each call of user code, which may change what it gets; dear parts only when they are asked for. */
export function callContext(
  host: Pick<ToHost, 'lock' | 'log' | 'produce'>,
  setup: SetupMessage,
  state: unknown,
  scope?: CallScope,
): Context<PluginOptions> {
  const tmp = scope?.tmp ?? tmpFolder(setup)
  const abort = scope?.abort ?? newAbort()
  let config: Context<PluginOptions>['config'] | undefined
  let log: Logger | undefined
  return {
    options: setup.options as Context<PluginOptions>['options'],
    get config() {
      config ??= Object.assign(
        Object.create({ section: (name: string) => ({ ...setup.sections[name] }) }),
        setup.sections.plugin,
      ) as Context<PluginOptions>['config']
      return config
    },
    state,
    get logger() {
      log ??= logger(host, scope?.path)
      return log
    },
    get signal() {
      return abort.signal()
    },
    lock: host.lock,
    produce: host.produce,
    outputDir: setup.outputDir,
    get tmpDir() {
      return tmp.path()
    },
    final: scope?.final ?? false,
  }
}

/** An AbortController that is made when its signal is asked for: for small files it would be a large part of the call. */
export interface Abort {
  fire(reason: Error): void
  signal(): AbortSignal
}

export function newAbort(): Abort {
  let fired: Error | undefined
  let controller: AbortController | undefined
  return {
    fire(reason) {
      fired = reason
      controller?.abort(reason)
    },
    signal() {
      if (controller === undefined) {
        controller = new AbortController()
        if (fired !== undefined) controller.abort(fired)
      }
      return controller.signal
    },
  }
}

export interface TmpFolder {
  path(): string
  remove(): void
}

/** A folder in the one for temporary files, made when it is asked for. */
export function tmpFolder({ outputDir, tmpDir }: Pick<SetupMessage, 'outputDir' | 'tmpDir'>): TmpFolder {
  let made: string | undefined
  let parent: HeldFolder | undefined
  return {
    path() {
      parent ??= openOwnFolder(outputDir, tmpDir)
      made ??= path.basename(parent.entry('attempt-', at => fs.mkdtempSync(at)))
      return path.join(tmpDir, made)
    },
    remove() {
      if (parent === undefined) return
      if (made !== undefined) removeEntry(parent, made)
      parent.close()
      made = undefined
      parent = undefined
    },
  }
}

function logger(host: Pick<ToHost, 'log'>, path?: string): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: object = {}) =>
      host.log(level, message, fields, path)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
