/** Whether watched files and folders are where they were: removed, renamed, unmounted, or silent, they are away. */
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Root, reasonOf } from './walk.ts'

export interface PresenceHeard {
  /** Once each time. */
  away(root: Root, why: string): void
  /** It is there again, or another one stands in its place; `wasAway` says whether `away` was heard. */
  back(root: Root, wasAway: boolean): void
}

/** What a look found: why it is away, or what tells it from another one at its path. */
export type Look = { readonly why: string } | { readonly id: string; readonly isMount: boolean }

const LOOK_EVERY_MS = 2_000
/** A network folder whose server is gone answers nothing at all. */
const ANSWER_MS = 5_000

/** Looks at each root until `signal`. Whatever happens to one is heard within LOOK_EVERY_MS + ANSWER_MS. */
export function attendRoots(
  roots: readonly Root[],
  heard: PresenceHeard,
  signal: AbortSignal,
  look: (root: Root) => Promise<Look> = lookAt,
): void {
  for (const root of roots) if (root.refused === undefined) void attend(root)

  async function attend(root: Root): Promise<void> {
    let first: Look | undefined
    let last: Look | undefined
    let pending: Promise<Look> | undefined
    while (!signal.aborted) {
      pending ??= look(root).finally(() => {
        pending = undefined
      })
      let found = await Promise.race([pending, silence()])
      if (signal.aborted) return
      if ('id' in found) {
        first ??= found
        // What is below the place of a mount is not what is watched.
        if ('id' in first && first.isMount && !found.isMount) found = { why: 'is not mounted any more' }
      }
      const wasAway = last !== undefined && 'why' in last
      if ('why' in found) {
        if (!wasAway) heard.away(root, found.why)
      } else if (wasAway || (last !== undefined && 'id' in last && last.id !== found.id))
        heard.back(root, wasAway)
      last = found
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
    }
  }
}

async function silence(): Promise<Look> {
  await delay(ANSWER_MS, undefined, { ref: false })
  return { why: 'does not answer' }
}

export async function lookAt({ path, isFolder }: Root): Promise<Look> {
  try {
    const { dev, ino } = await fs.promises.stat(path)
    if (!isFolder) return { id: '', isMount: false } // one that is replaced has come anew
    const above = await fs.promises.stat(`${path}/..`)
    await (await fs.promises.opendir(path)).close()
    return { id: `${dev}:${ino}`, isMount: dev !== above.dev }
  } catch (error) {
    return { why: reasonOf(error) }
  }
}
