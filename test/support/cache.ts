import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * A folder outside the tree for what the tests download once: `$XDG_CACHE_HOME/dfsp-test/<name>`.
 * Created if absent.
 */
export function cacheFolder(name: string): string {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dfsp-test', name)
  mkdirSync(folder, { recursive: true })
  return folder
}
