/** Copies: does what `rounds` says, one step after the other. */
import { setTimeout as delay } from 'node:timers/promises'
import type { CopyMember } from '../kafka/copying/member.ts'
import type { Transactions } from '../kafka/copying/transactions.ts'
import type { CopyTroubles } from './copy-troubles.ts'
import { type CopyCounts, type RoundDeps, round } from './round.ts'
import { type Change, type Place, rounds, type Step } from './rounds.ts'

export interface CopierDeps extends Omit<RoundDeps, 'state' | 'troubles' | 'member'> {
  readonly member: CopyMember
  readonly commitEveryMs: number
  /** Nothing more is begun. */
  isOver(): boolean
  onOwned(partitions: number): void
  readonly troubles: Pick<CopyTroubles, 'alive' | 'unread' | 'unanswered' | 'aborted'>
}

export interface Copier {
  readonly counts: CopyCounts
  /** Partitions that are owned, and how many of their records are to come. */
  behind(): { readonly partitions: number; readonly lag: number }
  owns(partition: number): boolean
  /** Joins the group, and ends once `isOver`, with nothing left open. */
  run(): Promise<void>
}

/** After a step that failed. */
const RETRY_MS = 1_000

export function copier(deps: CopierDeps, first: Transactions, before?: CopyCounts): Copier {
  const { member, troubles, isOver } = deps
  const state = rounds()
  const current = round({ ...deps, state }, first, before)

  async function perform(step: Step): Promise<void> {
    switch (step.do) {
      case 'read': {
        const { messages, ends } = await member.read()
        if (messages.length + ends.length > 0) troubles.alive()
        return await current.copy(messages, ends)
      }
      case 'commit':
        return await current.end(step.places)
      case 'abort':
        return await current.abort()
      case 'reopen':
        return await current.reopen()
      case 'reposition': {
        const places = await starts(step.partitions)
        for (const place of places) await member.seek(place)
        return state.repositioned(places)
      }
      case 'answer':
        return await answer(step.change)
    }
  }

  async function answer({ kind, partitions }: Change): Promise<void> {
    if (kind === 'revoke') {
      member.giveUp(partitions)
      state.revoked()
    } else {
      const places = await starts(partitions)
      member.accept(places)
      state.assigned(places)
    }
    deps.onOwned([...state.owned].length)
  }

  async function starts(partitions: readonly number[]): Promise<Place[]> {
    const found = await member.starts(partitions)
    for (const { notice } of found) if (notice !== undefined) deps.onProblem(notice)
    return found.map(({ partition, start }) => ({ partition, offset: start }))
  }

  /** What failed is done again, as `rounds` still wants it. */
  async function next(): Promise<void> {
    const step = state.next(isOver() || current.isFull(deps.commitEveryMs), member.isLost)
    try {
      await perform(step)
    } catch (error) {
      if (step.do === 'read') troubles.unread(error)
      else troubles.unanswered(error)
      if (!isOver()) await delay(RETRY_MS)
    }
  }

  return {
    counts: current.counts,
    behind() {
      const owned = [...state.owned]
      const lag = owned.reduce((sum, each) => sum + member.behind(each, state.position(each) ?? 0), 0)
      return { partitions: owned.length, lag }
    },
    owns: partition => state.position(partition) !== undefined,
    async run() {
      member.join((kind, partitions) => state.changes({ kind, partitions }))
      while (!isOver()) await next()
      // The round that is open counts, if it can be ended at once.
      if (state.phase === 'open') await next()
      await current.close()
    },
  }
}
