/** All that a group has committed, in whatever topic. */
import type { GroupCommit } from '../../core/offsets/done-before.ts'
import type { Client } from '../addon.ts'
import { ask, type ListedCommit, TIMEOUT_MS } from './admin.ts'

/** By topic, but for `but`. Rejects with a ClientError. */
export async function commitsElsewhere(
  client: Client,
  group: string,
  but: string,
): Promise<ReadonlyMap<string, readonly GroupCommit[]>> {
  const [found] = await ask<
    readonly { partitions: readonly ListedCommit[]; error?: { code: number; message: string } }[]
  >(client, (admin, done) =>
    admin.listConsumerGroupOffsets([{ groupId: group }], { timeout: TIMEOUT_MS }, done),
  )
  if (found?.error) throw found.error
  const commits = new Map<string, GroupCommit[]>()
  for (const { topic, partition, offset, metadata } of found?.partitions ?? []) {
    if (topic === but || !Number.isSafeInteger(offset) || offset < 0) continue
    const list = commits.get(topic) ?? []
    commits.set(topic, list)
    list.push({ partition, offset, metadata: metadata ?? undefined })
  }
  return commits
}
