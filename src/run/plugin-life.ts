/** Beginning and end of a plugin; what takes long is told, so that nothing is silent for more than two seconds. */
import type { SetupMessage } from '../plugin/messages.ts'
import type { PluginRuntime } from './plugin-runtime.ts'

const SLOW_MS = 2_000
/** What the plugin's `teardown` may take. */
const TEARDOWN_MS = 5_000

/** Resolves when `setup` has run in a first thread; rejects with a DfspError where it failed. */
export async function setUp(
  runtime: PluginRuntime,
  settings: Omit<SetupMessage, 'type'>,
  tell: (text: string) => void,
): Promise<void> {
  await toldIfSlow(runtime.start(settings), () => tell("the plugin's setup runs"))
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
