/**
 * The letters of a dead-letter topic that are not resolved yet, read in a consumer group of their own. What is resolved
 * is committed as a run commits it, so that one letter that stays keeps none of the others from being done with.
 */

import { DfspError } from '../base/errors.ts'
import { type DeadLetter, decodeDeadLetter } from '../core/dead-letter.ts'
import { acceptedRecord } from '../core/offsets/commit-record.ts'
import { ledger as newLedger, type Receipt } from '../core/offsets/ledger.ts'
import { type Replay, replay } from '../core/offsets/replay.ts'
import { troubles } from '../core/troubles.ts'
import type { GroupInTopic } from '../kafka/ask/group-watch.ts'
import type { AssignedPartition } from '../kafka/consumer/assignment.ts'
import { type ConsumedRecord, openConsumer } from '../kafka/consumer/consumer.ts'
import { commitContent } from '../processor/commit/commit-content.ts'
import { commits, storedBytes } from '../processor/commit/commits.ts'
import { deferred } from '../run/deferred.ts'
import { realEdges } from '../run/edges.ts'

/** A record of the dead-letter topic. */
export interface Received {
  readonly partition: number
  readonly offset: number
  readonly receipt: Receipt
  readonly letter: DeadLetter | { readonly refused: string }
}

export interface LetterBoxDeps {
  /** A letter that was not resolved. */
  onLetter(received: Received): void
  tell(kind: 'info' | 'problem', text: string): void
}

export interface LetterBox {
  /** Resolves when all letters that were there at the start are handed over. */
  readonly read: Promise<void>
  /** Resolves when the group was taken away or cannot be read: nothing can be resolved any more. */
  readonly broken: Promise<DfspError>
  resolve(receipt: Receipt): void
  /** Commits what is resolved; false when that failed. */
  commit(): Promise<boolean>
  close(): Promise<void>
}

const LOOK_EVERY_MS = 1_000

export async function openLetterBox(options: GroupInTopic, deps: LetterBoxDeps): Promise<LetterBox> {
  const { topic, group, properties } = options
  const consumer = await openConsumer(
    { topic, group, properties, from: 'earliest', waitForTopic: false, shared: false, headers: true },
    text => deps.tell('info', text),
  )
  const ledger = newLedger()
  const replays = new Map<number, Replay>()
  /** Partitions that are not read to the end they had at the start, and that end. */
  const unread = new Map<number, number>()
  const read = deferred<void>()
  const broken = deferred<DfspError>()
  let isRead = false
  const trouble = troubles(text => deps.tell('problem', text), realEdges.now)
  const committing = commits({
    ...realEdges,
    ledger,
    shared: false,
    content: cut =>
      commitContent({ cut, replay: replays.get(cut.partition), fileOf: () => undefined, finished: [] }),
    commit: consumer.commit,
    committedNow: consumer.committedNow,
    isIdle: () => false,
    partitionBytes: storedBytes(topic, group),
    onFailed: error => trouble.tell(`offset commit failed, nothing is lost: ${(error as Error).message}`),
    onCommitted() {},
    onFill: fill => {
      if (fill > 1)
        trouble.tell(
          `too many letters between resolved ones stay: what is done now may run again at the next call`,
        )
    },
  })

  function assign({ partition, start, committed, metadata, end, notice }: AssignedPartition): void {
    if (notice !== undefined) deps.tell('problem', notice)
    ledger.assign(partition, start, committed)
    if (start < end) unread.set(partition, end)
    const record = committed === undefined ? undefined : acceptedRecord(metadata, committed, end)
    if (record === undefined) return
    if ('refused' in record)
      deps.tell(
        'problem',
        `${topic}[${partition}]: what the last commit says cannot be used (${record.refused}): letters that were resolved may come again`,
      )
    else if (record.position > start) replays.set(partition, replay(record))
  }

  function take({ partition, offset, value, headers }: ConsumedRecord): void {
    const end = unread.get(partition)
    // What was written since, by this call itself, is for the next one.
    if (isRead || end === undefined) return
    if (offset >= end) return ended(partition, end)
    const receipt = ledger.receive(partition, offset, -1) as Receipt
    const before = replays.get(partition)
    if (before !== undefined && offset < before.end && before.isResolved(offset, undefined))
      ledger.resolve(receipt)
    else deps.onLetter({ partition, offset, receipt, letter: decodeDeadLetter(value, headers ?? new Map()) })
    if (offset === end - 1) ended(partition, end)
  }

  function ended(partition: number, end: number): void {
    ledger.skipTo(partition, end)
    unread.delete(partition)
    if (unread.size === 0) finish()
  }

  function finish(): void {
    isRead = true
    consumer.pauseForGood()
    read.resolve()
  }

  const watch = setInterval(() => {
    const { lost, stuck } = consumer.health
    const error = lost ?? (stuck === undefined ? undefined : new DfspError('E_KAFKA', stuck))
    if (error) broken.resolve(error)
  }, LOOK_EVERY_MS)
  consumer.start({
    onAssign(partitions) {
      if (isRead) return
      for (const partition of partitions) assign(partition)
      if (unread.size === 0) finish()
    },
    onRecords: records => {
      for (const record of records) take(record)
    },
    onPartitionEnd(partition, offset) {
      const end = unread.get(partition)
      if (!isRead && end !== undefined && offset >= end) ended(partition, end)
    },
    async onRevoke(partitions, lost) {
      if (!lost) await committing.now()
      for (const partition of partitions) if (ledger.epoch(partition) !== undefined) ledger.revoke(partition)
      unread.clear()
      isRead = true
      broken.resolve(
        new DfspError('E_GROUP_BUSY', `group ${group} was taken away`, {
          facts: ['what is resolved so far is committed'],
          next: 'start again when no other dfsp retry runs on this topic',
        }),
      )
    },
    onFatal: broken.resolve,
    onProblem: text => deps.tell('problem', text),
  })
  return {
    read: read.promise,
    broken: broken.promise,
    resolve(receipt) {
      ledger.resolve(receipt)
      committing.soon()
    },
    commit: () => committing.now(),
    async close() {
      clearInterval(watch)
      committing.stop()
      await consumer.close()
    },
  }
}
