/** A plugin that is a program by itself: exported as `dfsp/main`. */
import { realpathSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

/**
 * Last line of a plugin: `main(import.meta)`. Where the plugin was started as a program (`npx tsx plot.ts -t xrd`,
 * `node plot.mjs -t xrd`), this is `dfsp run --plugin plot.ts -t xrd`, and the process ends with its status. Where it is
 * imported, by a thread of dfsp or by a test, nothing happens.
 */
export async function main(meta: { readonly url: string }): Promise<void> {
  if (!isMainThread || !isStarted(meta.url)) return
  const { runAsProcess } = await import('./program.ts')
  const [, , ...argv] = process.argv
  await runAsProcess(['run', '--plugin', shown(fileURLToPath(meta.url)), ...argv])
}

/** As one would write it after --plugin. */
function shown(file: string): string {
  const path = relative(process.cwd(), file)
  return path.startsWith('..') ? file : `./${path}`
}

/** `import.meta.main`, which Node 20 does not have; a program may be started by a link or without its extension. */
function isStarted(url: string): boolean {
  const started = process.argv[1]
  if (started === undefined || !url.startsWith('file:')) return false
  try {
    return realpathSync(started) === realpathSync(fileURLToPath(url))
  } catch {
    return false
  }
}
