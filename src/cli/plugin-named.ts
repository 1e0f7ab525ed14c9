/** Does a command line, or the environment, name a plugin? One in a config file alone is not loaded to be described. */

import type { World } from './command.ts'
import type { ParsedFlags } from './flags.ts'

export function namesPlugin({ flags, words }: ParsedFlags, { env }: World): boolean {
  return flags.has('plugin') || Boolean(env.DFSP_PLUGIN) || words.length > 0
}
