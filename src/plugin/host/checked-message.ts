/**
 * What comes from a plugin thread, looked at before the host acts on it: user code has the same port (`parentPort`) and
 * may post anything on it, on purpose or through a package that takes the thread for its own.
 */
import type { PluginFault } from '../../core/plugin-fault.ts'
import { isScalar } from '../../core/text/plain-value.ts'
import type { FromThread, TaskResult } from '../messages.ts'

type Fields = Readonly<Record<string, unknown>>

/** The message, undefined where it is none of dfsp's. */
export function checkedMessage(message: unknown): FromThread | undefined {
  if (!isFields(message) || typeof message.type !== 'string') return undefined
  const looksRight =
    Object.hasOwn(SHAPES, message.type) && SHAPES[message.type as FromThread['type']](message)
  return looksRight ? (message as unknown as FromThread) : undefined
}

const SHAPES: Readonly<Record<FromThread['type'], (message: Fields) => boolean>> = {
  begun: ({ thread }) => isCount(thread),
  loaded: ({ options, hooks, warnings }) =>
    isFields(options) && Object.values(options).every(isFields) && isTexts(hooks) && isTexts(warnings),
  'load-failed': ({ what, fault }) => isText(what) && isFault(fault),
  ready: () => true,
  'setup-failed': ({ fault }) => isFault(fault),
  started: ({ id }) => isCount(id),
  digested: () => true,
  results: ({ results }) => Array.isArray(results) && results.every(isResult),
  log: ({ level, message, fields, path }) =>
    LEVELS.has(level) &&
    isText(message) &&
    isFields(fields) &&
    Object.values(fields).every(isScalar) &&
    (path === undefined || isText(path)),
  lock: ({ request }) => isCount(request),
  unlock: ({ request }) => isCount(request),
  // The record is the user's in any case: what is wrong with it is the answer.
  produce: ({ request }) => isCount(request),
  'stray-error': ({ fault }) => isFault(fault),
  'torn-down': () => true,
}

const LEVELS: ReadonlySet<unknown> = new Set(['debug', 'info', 'warn', 'error'])

const RESULTS: Readonly<Record<TaskResult['kind'], (result: Fields) => boolean>> = {
  done: () => true,
  failed: ({ fault, hookCalled }) => isFault(fault) && typeof hookCalled === 'boolean',
  mismatch: ({ actual }) => isText(actual),
  examined: ({ badChunks }) => Array.isArray(badChunks) && badChunks.every(isCount),
  'io-error': ({ message, code, path }) =>
    isText(message) && isText(code) && (path === undefined || isText(path)),
}

function isResult(given: unknown): boolean {
  if (!isFields(given) || !isCount(given.id) || !isDuration(given.ms)) return false
  const { result } = given
  if (!isFields(result) || typeof result.kind !== 'string') return false
  return Object.hasOwn(RESULTS, result.kind) && RESULTS[result.kind as TaskResult['kind']](result)
}

function isFault(given: unknown): given is PluginFault {
  if (!isFields(given)) return false
  const { message, frames, stack } = given
  return isText(message) && isTexts(frames) && (stack === undefined || isText(stack))
}

function isFields(given: unknown): given is Fields {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

const isText = (given: unknown) => typeof given === 'string'
const isTexts = (given: unknown) => Array.isArray(given) && given.every(isText)
const isCount = (given: unknown) => Number.isSafeInteger(given) && (given as number) >= 0
const isDuration = (given: unknown) =>
  typeof given === 'number' && given >= 0 && given < Number.POSITIVE_INFINITY
