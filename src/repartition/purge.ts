/** Deletes of the copy what its readers have processed, now and then. */
import { setTimeout as delay } from 'node:timers/promises'
import { type GroupWatch, watchGroup } from '../kafka/ask/group-watch.ts'
import type { CopyMember } from '../kafka/copying/member.ts'

export interface PurgeOptions {
  readonly target: string
  readonly groups: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  /** One process does it for all. */
  isMine(): boolean
  onInfo(text: string): void
  onProblem(text: string): void
}

const EVERY_MS = 30_000

export interface Purging {
  /** Resolves when nothing is asked any more. */
  end(): Promise<void>
}

export function purging(member: Pick<CopyMember, 'deleteBelow'>, options: PurgeOptions): Purging {
  const stop = new AbortController()
  const { groups, properties, target } = options
  const watches = new Map<string, GroupWatch>()
  let told = ''

  function tell(text: string): void {
    if (text !== told) options.onInfo(text)
    told = text
  }

  /** Up to where all of the groups have processed each partition; a partition that one has not begun is left out. */
  async function bases(): Promise<Map<number, number>> {
    const lowest = new Map<number, number>()
    const unbegun = new Set<number>()
    for (const group of groups) {
      const watch = watches.get(group) ?? (await watchGroup({ topic: target, group, properties }))
      watches.set(group, watch)
      const { partitions } = await watch.look()
      if (partitions.every(({ committed }) => committed === undefined)) {
        tell(`group ${group} has committed nothing in ${target} yet: nothing is deleted until it has`)
        return new Map()
      }
      for (const { partition, committed, low = 0 } of partitions)
        if (committed === undefined) unbegun.add(partition)
        else if (committed > low)
          lowest.set(partition, Math.min(committed, lowest.get(partition) ?? committed))
        else unbegun.add(partition)
    }
    for (const partition of unbegun) lowest.delete(partition)
    return lowest
  }

  async function purge(): Promise<void> {
    try {
      const below = await bases()
      if (below.size > 0) await member.deleteBelow(target, below)
    } catch (error) {
      const { message } = error as Error
      if (message !== told) options.onProblem(`nothing is deleted of ${target} at present: ${message}`)
      told = message
    }
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      if (options.isMine()) await purge()
      await delay(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {})
    }
    for (const watch of watches.values()) await watch.close()
  }
  const worked = work()
  return {
    async end() {
      stop.abort()
      await worked
    },
  }
}
