/** The open round: what was read goes into its transaction, and is committed with the offsets that it was read up to. */
import { DfspError } from '../base/errors.ts'
import { faultPoint } from '../base/fault-point.ts'
import { homeOf, pathOf } from '../core/chunks/home.ts'
import { FROM, originHeader } from '../core/chunks/keyed.ts'
import { decodeDeadLetter } from '../core/dead-letter.ts'
import { encodeCopyRecord } from '../core/offsets/copy-record.ts'
import type { PartitionEnd } from '../kafka/consumer/read-loop.ts'
import type { CopyMember, ReadMessage } from '../kafka/copying/member.ts'
import type { Fate, Transactions } from '../kafka/copying/transactions.ts'
import type { CopyTroubles } from './copy-troubles.ts'
import type { Place, Rounds } from './rounds.ts'

export interface RoundDeps {
  readonly topic: string
  /** Partitions of the copy. */
  readonly count: number
  readonly member: Pick<CopyMember, 'client'>
  readonly state: Rounds
  /** A new producer, which ends whatever another of this name left open. Throws a DfspError. */
  open(): Promise<Transactions>
  onProblem(text: string): void
  readonly troubles: Pick<CopyTroubles, 'aborted'>
}

export interface CopyCounts {
  /** Committed. */
  records: number
  bytes: number
  rounds: number
  /** Rounds whose records were copied again. */
  aborted: number
}

export interface Round {
  readonly counts: CopyCounts
  /** Copies what was read, up to where a step fails. */
  copy(messages: readonly ReadMessage[], ends: readonly PartitionEnd[]): Promise<void>
  /** It is to be ended. */
  isFull(openForMs: number): boolean
  end(places: readonly Place[]): Promise<void>
  abort(): Promise<void>
  reopen(): Promise<void>
  /** Leaves nothing open. */
  close(): Promise<void>
}

/** A round ends at the first of these, or at its time. */
const ROUND_BYTES = 32 * 1024 * 1024
const ROUND_RECORDS = 20_000
/** What is not taken for so long is told. */
const SLOW_MS = 5_000
/** Of a record beside its key and value. */
const RECORD_BYTES = 100

export function round(deps: RoundDeps, first: Transactions, before: CopyCounts | undefined): Round {
  const { topic, count, member, state } = deps
  const counts: CopyCounts = { records: 0, bytes: 0, rounds: 0, aborted: 0, ...before }
  const metadata = encodeCopyRecord(count)
  let transactions = first
  let open = { since: 0, records: 0, bytes: 0 }

  /** Says whether it was done. */
  async function succeeded(step: Promise<Fate>): Promise<boolean> {
    const fate = await step
    if (fate === 'done') return true
    if (fate === 'failed') state.failed()
    else state.broken()
    counts.aborted++
    const reason = transactions.takeReason()
    if (reason !== undefined) await deps.troubles.aborted(reason)
    return false
  }

  async function begun(): Promise<boolean> {
    if (state.phase === 'open') return true
    if (!(await succeeded(transactions.begin()))) return false
    state.began()
    open = { since: performance.now(), records: 0, bytes: 0 }
    return true
  }

  /** Says whether to go on. */
  async function copied(m: ReadMessage): Promise<boolean> {
    const { partition, offset, key, value, timestamp = 0, headers = [] } = m
    const position = state.position(partition)
    if (position === undefined) return true
    if (offset < position)
      deps.onProblem(
        `${topic}[${partition}] went back to offset ${offset} from ${position}: the topic was made anew or cut`,
      )
    if (headers.some(header => Object.hasOwn(header, FROM))) throw isCopy(topic, partition, offset)
    const path = pathOf(value)
    if (path === undefined && 'kind' in decodeDeadLetter(value, new Map()))
      throw isLetter(topic, partition, offset)
    if (!(await begun())) return false
    const copy = {
      partition: homeOf(path, partition, count),
      key,
      value,
      timestamp: timestamp > 0 ? timestamp : null,
      headers: [...headers, originHeader({ topic, partition, offset })],
    }
    if (!(await succeeded(transactions.produce(copy)))) return false
    faultPoint('copied')
    state.moved(partition, offset + 1)
    open.records++
    open.bytes += m.size + RECORD_BYTES
    return true
  }

  return {
    counts,
    async copy(messages, ends) {
      for (const message of messages) if (!(await copied(message))) return
      for (const { partition, offset } of ends) {
        // What lies between is no record: a marker of a transaction, or compacted away.
        if (offset <= (state.position(partition) ?? offset)) continue
        if (!(await begun())) return
        state.moved(partition, offset)
      }
    },
    isFull: openForMs =>
      open.bytes >= ROUND_BYTES ||
      open.records >= ROUND_RECORDS ||
      performance.now() - open.since >= openForMs,
    async end(places) {
      faultPoint('before-round-end')
      const slow = setTimeout(() => deps.onProblem(NOT_TAKEN), SLOW_MS)
      const offsets = places.map(place => ({ ...place, metadata }))
      const isDone = await succeeded(transactions.commit(topic, offsets, member.client))
      clearTimeout(slow)
      if (!isDone) return
      state.committed()
      counts.records += open.records
      counts.bytes += open.bytes
      counts.rounds++
    },
    async abort() {
      if (await succeeded(transactions.abort())) state.aborted()
    },
    async reopen() {
      await transactions.close()
      transactions = await deps.open()
      state.reopened()
    },
    async close() {
      if (state.phase !== 'idle') await transactions.abort()
      await transactions.close()
    },
  }
}

const NOT_TAKEN =
  'the brokers have not taken the copies of a round for 5 s: a partition of the copy has no leader, or fewer replicas in sync than min.insync.replicas; nothing is lost meanwhile'

function isCopy(topic: string, partition: number, offset: number): DfspError {
  return new DfspError('E_USAGE', `${topic} is a copy itself`, {
    facts: [`record ${topic}[${partition}]@${offset} has the header ${FROM}`],
    next: 'dfsp run --shared reads it as it is',
  })
}

function isLetter(topic: string, partition: number, offset: number): DfspError {
  return new DfspError(
    'E_USAGE',
    `${topic} is a topic of dead letters: there is nothing in it to be shared`,
    {
      facts: [`record ${topic}[${partition}]@${offset} is one`],
      next: `dfsp retry --dlq ${topic} reads it as it is`,
    },
  )
}
