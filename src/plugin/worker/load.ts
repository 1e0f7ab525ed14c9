/** Loads a plugin's module, of any flavour, in the thread that will run it. The main thread never runs user code. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { WHILE_STARTING } from '../../core/environment.ts'
import type { PluginFault } from '../../core/plugin-fault.ts'
import { listText } from '../../core/text/list-text.ts'
import { nearest } from '../../core/text/nearest.ts'
import { cutText } from '../../core/text/shown-text.ts'
import { HOOKS, type HookName, type PluginOptions, type ProcessFile } from '../plugin.ts'
import { called, wrongOptions } from './declaration.ts'
import { faultOf, pathOf, sourceFile } from './fault.ts'
import { TsconfigError } from './tsconfig.ts'
import { type Compiled, importTypeScript, isTypeScript, needsModule } from './typescript.ts'

const OWN_NAMES: ReadonlySet<string> = new Set([...HOOKS, 'default', 'options', 'module.exports'])

export interface LoadedPlugin {
  readonly process: ProcessFile<PluginOptions>
  readonly hooks: Partial<Record<HookName, (...args: never[]) => unknown>>
  readonly options: PluginOptions
  readonly warnings: readonly string[]
}

/** What kept a module from being a plugin: a predicate for "./plot.ts …", and the fault behind it. */
export interface LoadFailure {
  readonly what: string
  readonly fault: PluginFault
}

export async function loadPlugin(url: string): Promise<LoadedPlugin | LoadFailure> {
  let module: Compiled
  try {
    module = await importModule(url)
  } catch (error) {
    return importFailure(error, url)
  }
  const exported = unwrap(module.exports)
  const wrong = wrongExports(exported)
  if (wrong !== undefined) return noPlugin(isBlank(url) ? 'is empty: it has no default export' : wrong)
  return {
    process: exported.default as LoadedPlugin['process'],
    hooks: Object.fromEntries(HOOKS.filter(h => exported[h] !== undefined).map(h => [h, exported[h]])),
    options: readable((exported.options ?? {}) as PluginOptions),
    warnings: [...module.warnings, ...misspelt(exported)],
  }
}

function isBlank(url: string): boolean {
  return readFileSync(fileURLToPath(url), 'utf8').trim() === ''
}

function noPlugin(text: string): LoadFailure {
  const what = cutText(text)
  return { what, fault: { message: what, frames: [] } }
}

/** A description is there to be read. */
function readable(options: PluginOptions): PluginOptions {
  const entries = Object.entries(options).map(([name, option]) => {
    const { describe } = option
    return [name, typeof describe === 'string' ? { ...option, describe: cutText(describe) } : option]
  })
  return Object.fromEntries(entries)
}

async function importModule(url: string): Promise<Compiled> {
  const file = fileURLToPath(url)
  return isTypeScript(file) ? await importTypeScript(file) : { exports: await import(url), warnings: [] }
}

/** A CommonJS module arrives nested: the function is then `default.default`. */
function unwrap(module: Record<string, unknown>): Record<string, unknown> {
  const inner = module.default
  const isNested =
    typeof inner === 'object' && inner !== null && ('default' in inner || '__esModule' in inner)
  const exported = isNested ? (inner as Record<string, unknown>) : module
  // `module.exports = fn; fn.options = …` is the CommonJS way to give more than one thing.
  if (typeof exported.default === 'function')
    return { ...(exported.default as unknown as Record<string, unknown>), ...exported }
  return exported
}

function wrongExports(exported: Record<string, unknown>): string | undefined {
  const main = exported.default
  if (main === undefined) {
    const names = Object.keys(exported).filter(name => name !== 'default' && name !== 'module.exports')
    return `has no default export${names.length > 0 ? ` (exports: ${listText(names)})` : ''}`
  }
  const hooks = HOOKS.filter(hook => exported[hook] !== undefined)
  for (const name of ['default', ...hooks]) {
    const { what, why = '' } = noFunction(exported[name]) ?? {}
    if (what !== undefined) return `exports ${what} as ${name},${why} not a function`
  }
  return exported.options === undefined ? undefined : wrongOptions(exported.options)
}

/** So does a file that exports nothing, taken for CommonJS. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.getPrototypeOf(value) === Object.prototype && Reflect.ownKeys(value).length === 0
}

function noFunction(value: unknown): { readonly what: string; readonly why?: string } | undefined {
  if (typeof value !== 'function')
    return {
      what: value === null ? 'null' : isEmpty(value) ? 'an empty object' : `a value of type ${typeof value}`,
    }
  if (/^class\b/.test(Function.prototype.toString.call(value))) return { what: 'a class' }
  if (/Generator/.test(Object.prototype.toString.call(value)))
    return { what: 'a generator', why: ' whose calls run nothing,' }
  return undefined
}

/** Of exported functions, and objects near `options`: others are the author's own. */
function misspelt(exported: Record<string, unknown>): string[] {
  const warnings: string[] = []
  for (const [name, value] of Object.entries(exported)) {
    if (OWN_NAMES.has(name)) continue
    const shown = `exports ${called(value)} "${cutText(name)}"`
    if (typeof value === 'function') {
      const meant = nearest(name, HOOKS)
      if (meant) warnings.push(`${shown}: did you mean the hook "${meant}"?`)
      else if (/^on[A-Z]/.test(name)) warnings.push(`${shown}, which is no hook (hooks: ${HOOKS.join(', ')})`)
    } else if (typeof value === 'object' && nearest(name, ['options']))
      warnings.push(`${shown}: did you mean "options"?`)
  }
  return warnings
}

/** esbuild's text for a syntax error, without its stack; anything else the module threw while being imported. */
function importFailure(error: unknown, url: string): LoadFailure {
  const fault = faultOf(error, url, WHILE_STARTING)
  if (error instanceof TsconfigError) return { what: 'cannot be compiled', fault: { ...fault, frames: [] } }
  const compiled = /^(?:.*Transform failed[^\n]*\n)?([^\n]*?):(\d+:\d+): ERROR: ([^\n]+)/s.exec(fault.message)
  const [, file = '', place, text] = compiled ?? []
  const message = compiled
    ? `${path.basename(sourceFile(pathOf(file) ?? file))}:${place} ${text}`
    : (fault.message.split('\n')[0] as string)
  if (/^TypeError: Unknown file extension "\.(?:[cm]?ts|tsx|jsx)"/.test(message))
    return { what: 'imports TypeScript, but is none itself', fault: { ...fault, message } }
  if (needsModule(error))
    return { what: 'can only be loaded as an ES module', fault: { ...fault, message, frames: [] } }
  if (compiled) return { what: 'does not compile', fault: { ...fault, message, frames: [] } }
  if (error instanceof SyntaxError) {
    const line = lineAbove(fault.stack ?? '') ?? lineAbove(checkedSyntax(url))
    return {
      what: 'does not compile',
      fault: { ...fault, message: line ? `${line} ${fault.message}` : fault.message },
    }
  }
  const missing = /Cannot find (?:package|module) '([^']+)'/.exec(fault.message)?.[1]
  if (missing) {
    const what = missing.startsWith('/') || missing.startsWith('file:') ? path.basename(missing) : missing
    return {
      what: `imports "${what}", which is not found`,
      fault: { ...fault, message },
    }
  }
  return { what: 'throws while it is imported', fault }
}

/** `plot.mjs:2` of the line with which Node begins the text of a syntax error, where it knows the line. */
function lineAbove(text: string): string | undefined {
  return /^(?:file:\/\/)?[^\n]*?([^/\n]+:\d+)\n/.exec(text)?.[1]
}

/** What Node itself says of the file's syntax: an ES module's SyntaxError does not carry its place (Node 20). */
function checkedSyntax(url: string): string {
  return spawnSync(process.execPath, ['--check', fileURLToPath(url)], { encoding: 'utf8' }).stderr
}
