/** A thrown value as text that is fit for a user: the message and the frames of the plugin's own code. */

import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isEnvironmental, isOfItsPath } from '../../core/environment.ts'
import type { PluginFault } from '../../core/plugin-fault.ts'
import { plainText } from '../../core/text/plain-value.ts'
import { cutText, MOST_TOLD } from '../../core/text/shown-text.ts'

const OWN_CODE = fileURLToPath(new URL('../..', import.meta.url))

/** `ofEnvironment`: the codes of what is not the plugin's fault, if others than during a file. */
export function faultOf(
  thrown: unknown,
  pluginUrl: string,
  ofEnvironment?: ReadonlySet<unknown>,
): PluginFault {
  try {
    return described(thrown, pluginUrl, ofEnvironment)
  } catch {
    return { message: 'threw something that cannot be shown as text', frames: [] }
  }
}

function described(
  thrown: unknown,
  pluginUrl: string,
  ofEnvironment: ReadonlySet<unknown> | undefined,
): PluginFault {
  if (!(thrown instanceof Error)) return { message: thrownText(thrown), frames: [] }
  const name = thrown.name === 'Error' ? '' : `${cutText(String(thrown.name), MOST_BESIDE)}: `
  const cause =
    thrown.cause instanceof Error ? ` (${cutText(String(thrown.cause.message), MOST_BESIDE)})` : ''
  const text = String(thrown.message)
  const message = `${name}${cutText(text)}${cause}`
  const { head, frames } = stackParts(stackOf(thrown), text)
  return {
    message,
    frames: pluginFrames(frames, pluginUrl),
    stack: `${head}${frames}`,
    ...(isEnvironmental(thrown, ofEnvironment) ? { environment: true } : {}),
    ...(isOfItsPath(thrown) ? { ofItsPath: true } : {}),
  }
}

/** What is thrown and no Error: an object by its fields, where it has any. */
function thrownText(thrown: unknown): string {
  const fields = typeof thrown === 'object' && thrown !== null ? plainText(thrown, MOST_TOLD) : '{}'
  const text = fields === '{}' ? cutText(String(thrown)) : fields
  return text === '' ? 'threw an empty text' : text
}

/** A kind and a cause are told beside the message. */
const MOST_BESIDE = 1_024

/** A stack begins with the error's message, however long that is; its frames come after it. */
function stackParts(stack: string, message: string): { readonly head: string; readonly frames: string } {
  const at = message === '' ? -1 : stack.indexOf(message)
  const end = at === -1 ? 0 : at + message.length
  return { head: cutText(stack.slice(0, end)), frames: cutText(stack.slice(end)) }
}

/** User code may have its own Error.prepareStackTrace, which may give anything, or throw. */
function stackOf(error: Error): string {
  try {
    return typeof error.stack === 'string' ? error.stack : ''
  } catch {
    return ''
  }
}

/** tsx calls a .mts or .cts file .ts, and a .jsx file .tsx, when it hands it to esbuild. */
export function sourceFile(file: string): string {
  const names = [file, file.replace(/ts$/, 'mts'), file.replace(/ts$/, 'cts'), file.replace(/tsx$/, 'jsx')]
  return names.find(name => existsSync(name)) ?? file
}

/** `plot.ts:9:31` for each frame that is neither Node's, nor a package's, nor dfsp's (a built-in plugin's are of no use to users). */
function pluginFrames(stack: string, pluginUrl: string): string[] {
  const folder = path.dirname(fileURLToPath(pluginUrl))
  const frames: string[] = []
  for (const line of stack.split('\n')) {
    const place = /^\s+at (?:.*? \((.+)\)|(?:async )?(.+))$/.exec(line)
    const at = /^(.*):(\d+):(\d+)$/.exec(place?.[1] ?? place?.[2] ?? '')
    const file = at && pathOf(at[1] as string)
    if (!file) continue
    if (file.includes('/node_modules/') || file.startsWith(OWN_CODE)) continue
    const shown = path.relative(folder, sourceFile(file))
    frames.push(`${shown.startsWith('..') ? file : shown}:${at[2]}:${at[3]}`)
  }
  return frames
}

/** Of what a frame is in: a path or a `file:` URL. tsx puts a query behind either. */
export function pathOf(place: string): string | undefined {
  if (place.startsWith('file://')) return fileURLToPath(place)
  if (!place.startsWith('/')) return undefined
  return existsSync(place) ? place : place.replace(/\?.*$/, '')
}
