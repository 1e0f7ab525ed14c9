/** Beginning and end of a plugin; what takes long is told, so that nothing is silent for more than two seconds. */
import { DfspError } from '../base/errors.ts'
import type { OutputDir } from '../files/output-dir.ts'
import type { SetupMessage } from '../plugin/messages.ts'
import type { PluginRuntime } from './plugin-runtime.ts'

const SLOW_MS = 2_000
/** What the plugin's `teardown` may take. */
const TEARDOWN_MS = 5_000

const TELL_AGAIN_MS = 60_000
/** What `setup` may take where the command has an end. */
export const SETUP_MS = 300_000

/** What the plugin is told. */
export interface PluginSettings {
  /** Absolute path of the output directory. */
  readonly outputDir: string
  readonly pluginOptions: Readonly<Record<string, unknown>>
  /** Of the config file. */
  readonly sections: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export function setupOf(
  { pluginOptions, sections }: Omit<PluginSettings, 'outputDir'>,
  { path, tmpDir }: Pick<OutputDir, 'path' | 'tmpDir'>,
): Omit<SetupMessage, 'type'> {
  return { options: pluginOptions, sections, outputDir: path, tmpDir }
}

/**
 * Resolves when `setup` has run in a first thread; rejects with a DfspError where it failed, or has not ended after
 * `mostMs`.
 */
export async function setUp(
  runtime: Pick<PluginRuntime, 'start'>,
  settings: Omit<SetupMessage, 'type'>,
  tell: (text: string) => void,
  mostMs = SETUP_MS,
): Promise<void> {
  const since = performance.now()
  const seconds = () => Math.round((performance.now() - since) / 1_000)
  let timer: NodeJS.Timeout | undefined
  let limit: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    if (mostMs === Number.POSITIVE_INFINITY) return
    limit = setTimeout(() => {
      const what = `nothing can be processed: the plugin's setup has not ended after ${seconds()} s`
      const next = 'whatever it waits for may not answer: give it a time limit in setup()'
      reject(new DfspError('E_BREAKER', what, { next }))
    }, mostMs)
  })
  const again = () => {
    tell(`the plugin's setup runs, for ${seconds()} s now`)
    timer = setTimeout(again, TELL_AGAIN_MS)
  }
  timer = setTimeout(() => {
    tell("the plugin's setup runs")
    timer = setTimeout(again, TELL_AGAIN_MS)
  }, SLOW_MS)
  try {
    await Promise.race([runtime.start(settings), late])
  } finally {
    clearTimeout(timer)
    clearTimeout(limit)
  }
}

/** Runs `teardown`, for `mostMs` at most, and ends all threads. */
export async function tearDown(
  { host }: PluginRuntime,
  mostMs: number,
  tell: (text: string) => void,
): Promise<void> {
  await toldIfSlow(host.close(Math.min(TEARDOWN_MS, mostMs)), () => tell("the plugin's teardown runs"))
}

async function toldIfSlow<T>(work: Promise<T>, tell: () => void): Promise<T> {
  const timer = setTimeout(tell, SLOW_MS)
  return await work.finally(() => clearTimeout(timer))
}
