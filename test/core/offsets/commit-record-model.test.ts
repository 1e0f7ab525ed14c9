/**
 * Ledger, commit record and replay together, through any history of crashes, against a model that knows which files
 * are finished. The test plays the processor's part: it reads, keeps open files, finishes them, commits.
 *
 * FC_RUNS=n runs n histories (`npm run test:nightly`: 100,000); a failure prints seed and path, and FC_SEED=seed
 * FC_PATH=path run that history again.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { acceptedRecord, encodeCommitRecord, fileHash40 } from '../../../src/core/offsets/commit-record.ts'
import { type Ledger, ledger, type PartitionCut, type Receipt } from '../../../src/core/offsets/ledger.ts'
import { type Replay, replay } from '../../../src/core/offsets/replay.ts'
import { commitContent } from '../../../src/processor/commit/commit-content.ts'

const PARTITIONS = 3
const FILES = 7

// ---- histories

interface Step {
  readonly do:
    | 'read'
    | 'finish'
    | 'fail'
    | 'resolve'
    | 'commit'
    | 'acknowledge'
    | 'lose'
    | 'refuse'
    | 'revoke'
    | 'crash'
  /** Which partition, file or record, and how many. */
  readonly which: number
  readonly count: number
  /** What the commit may be made of. */
  readonly as: 'shortest' | 'runs' | 'files'
}

interface World {
  /**
   * Each commit names all files that the process knows to be finished; else none, and then no chunk comes twice and
   * a process forgets what it knew with its partitions.
   */
  readonly remembers: boolean
  /** Chunks of each file, and whether its hash is also that of the file before. */
  readonly files: readonly { readonly total: number; readonly collides: boolean }[]
  /** Records: where, of which file (none: of no file), and how many offsets without a record come before. */
  readonly records: readonly { readonly p: number; readonly file: number | undefined; readonly gap: number }[]
}

const step = fc.record<Step>({
  do: fc.oneof(
    ...(
      [
        [10, 'read'],
        [6, 'finish'],
        [2, 'fail'],
        [1, 'resolve'],
        [5, 'commit'],
        [4, 'acknowledge'],
        [1, 'lose'],
        [1, 'refuse'],
        [1, 'revoke'],
        [2, 'crash'],
      ] as const
    ).map(([weight, name]) => ({ weight, arbitrary: fc.constant(name) })),
  ),
  which: fc.nat({ max: 999 }),
  count: fc.integer({ min: 1, max: 12 }),
  as: fc.constantFrom('shortest', 'runs', 'files'),
})
const anyWorld = fc.record<World>({
  remembers: fc.boolean(),
  files: fc.array(
    fc.record({ total: fc.integer({ min: 1, max: 4 }), collides: fc.nat({ max: 5 }).map(n => n === 0) }),
    { minLength: FILES, maxLength: FILES },
  ),
  records: fc.array(
    fc.record({
      p: fc.nat({ max: PARTITIONS - 1 }),
      file: fc.nat({ max: FILES }).map(n => (n === FILES ? undefined : n)),
      gap: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat({ max: 3 })),
    }),
    { maxLength: 50, size: 'max' },
  ),
})

// ---- the topic

interface LogRecord {
  readonly offset: number
  readonly file: number | undefined
  readonly chunk: number
}

interface Topic {
  readonly remembers: boolean
  readonly logs: readonly (readonly LogRecord[])[]
  readonly ends: readonly number[]
  readonly digests: readonly string[]
  readonly totals: readonly number[]
  /** Files whose hash is another's, too. */
  readonly colliding: ReadonlySet<number>
  /** Files of which every chunk is there. */
  readonly whole: ReadonlySet<number>
}

/** The n-th record of a file carries its n-th chunk; once it had them all it begins again: duplicates. */
function topicOf({ remembers, files, records }: World): Topic {
  const logs: LogRecord[][] = Array.from({ length: PARTITIONS }, () => [])
  const seen = files.map(() => 0)
  for (const { p, file: named, gap } of records) {
    const isTwice =
      named !== undefined && (seen[named] as number) >= (files[named] as { total: number }).total
    const file = isTwice && !remembers ? undefined : named
    const log = logs[p] as LogRecord[]
    const chunk = file === undefined ? 0 : (seen[file] as number) % (files[file] as { total: number }).total
    if (file !== undefined) seen[file] = (seen[file] as number) + 1
    log.push({ offset: (log.at(-1)?.offset ?? -1) + 1 + gap, file, chunk })
  }
  const digests: string[] = []
  for (const [i, { collides }] of files.entries()) {
    const own = createHash('sha256').update(String(i)).digest().toString('latin1', 0, 16)
    digests.push(collides && i > 0 ? (digests[i - 1] as string).slice(0, 5) + own.slice(5) : own)
  }
  const totals = files.map(({ total }) => total)
  const hashes = digests.map(fileHash40)
  return {
    remembers,
    colliding: new Set(
      hashes.flatMap((hash, i) => (hashes.filter(other => other === hash).length > 1 ? [i] : [])),
    ),
    logs,
    ends: logs.map(log => (log.at(-1)?.offset ?? -1) + 1),
    digests,
    totals,
    whole: new Set(totals.flatMap((total, i) => ((seen[i] as number) >= total ? [i] : []))),
  }
}

// ---- the model

/** What a commit makes lasting. */
interface Done {
  /** Files that were finished. */
  readonly files: ReadonlySet<number>
  /** Records that were resolved, as `partition:offset`. */
  readonly records: ReadonlySet<string>
  /** Failures of files that are not finished. */
  readonly attempts: ReadonlyMap<number, number>
}

const NOTHING: Done = { files: new Set(), records: new Set(), attempts: new Map() }

// ---- the process

interface Open {
  readonly file: number
  readonly hash: number
  attempts: number
  readonly receipts: Receipt[]
  readonly chunks: Set<number>
  /** The first of its records, by partition. */
  readonly first: Map<number, number>
}

interface InFlight {
  readonly cut: readonly PartitionCut[]
  readonly commits: readonly { readonly p: number; readonly offset: number; readonly text: string }[]
  readonly done: Done
}

class History {
  readonly seen = {
    finished: 0,
    replayed: 0,
    'records of kind offsets': 0,
    'records of kind files': 0,
    crashes: 0,
  }
  readonly #topic: Topic
  readonly #broker = new Map<number, { readonly offset: number; readonly text: string }>()
  /** By the last commit that the broker took, and as it was when this epoch began. */
  #lasting = NOTHING
  #atAssign = NOTHING
  /** Files that were finished by any process, and records of no file that were resolved. */
  readonly #everFinished = new Set<number>()
  readonly #everResolved = new Set<string>()

  #ledger: Ledger = ledger()
  #replays = new Map<number, Replay & { readonly kind: string }>()
  #next: number[] = []
  #open = new Map<number, Open>()
  #singles: { readonly receipt: Receipt; readonly key: string }[] = []
  /** Files that this process knows to be finished; records that it resolved in this epoch. */
  #known = new Set<string>()
  #resolved = new Set<string>()
  #inFlight: InFlight | undefined

  constructor(topic: Topic) {
    this.#topic = topic
    this.#assign()
  }

  step({ do: what, which, count, as }: Step): void {
    switch (what) {
      case 'read':
        for (let i = 0; i < count; i++) this.#read(which % PARTITIONS)
        break
      case 'finish':
        for (const open of pick(this.#complete(), which, count)) this.#finish(open)
        break
      case 'fail':
        for (const open of pick(this.#complete(), which, 1)) {
          open.attempts++
          this.#ledger.touch((open.receipts[0] as Receipt).partition)
        }
        break
      case 'resolve':
        for (const single of pick(this.#singles, which, count)) this.#resolve(single)
        break
      case 'commit':
        this.#inFlight ??= this.#commit(as)
        break
      case 'acknowledge':
        this.#answer(true, true)
        break
      case 'lose':
        this.#answer(true, false)
        break
      case 'refuse':
        this.#answer(false, false)
        break
      case 'revoke':
        this.#inFlight = undefined
        if (!this.#topic.remembers) this.#known = new Set()
        this.#assign()
        break
      case 'crash':
        if (which % 2 === 0) this.#answer(true, false)
        this.#crash()
    }
  }

  /** From any state: a last restart, everything is read and finished, and then nothing is missing. */
  end(): void {
    this.#crash()
    for (let p = 0; p < PARTITIONS; p++) for (const _ of this.#topic.logs[p] as LogRecord[]) this.#read(p)
    for (const open of this.#complete()) this.#finish(open)
    assert.deepEqual([...this.#everFinished].sort(), [...this.#topic.whole].sort())
    for (const single of [...this.#singles]) this.#resolve(single)
    this.#inFlight = this.#commit('shortest')
    this.#answer(true, true)
    if (!this.#topic.remembers && this.#topic.colliding.size > 0) return // one may be held in part
    for (let p = 0; p < PARTITIONS; p++) {
      const held = (this.#topic.logs[p] as LogRecord[]).find(
        ({ file }) => file !== undefined && !this.#topic.whole.has(file),
      )
      const base = held?.offset ?? this.#topic.ends[p]
      assert.equal(this.#broker.get(p)?.offset ?? 0, base)
      assert.equal(this.#ledger.base(p), base)
    }
  }

  #crash(): void {
    this.seen.crashes++
    this.#inFlight = undefined
    this.#known = new Set()
    this.#assign()
  }

  #assign(): void {
    this.#ledger = ledger()
    this.#replays = new Map()
    this.#open = new Map()
    this.#singles = []
    this.#resolved = new Set()
    this.#atAssign = this.#lasting
    for (let p = 0; p < PARTITIONS; p++) {
      const committed = this.#broker.get(p)
      const start = committed?.offset ?? 0
      this.#ledger.assign(p, start, committed?.offset)
      this.#next[p] = (this.#topic.logs[p] as LogRecord[]).findIndex(({ offset }) => offset >= start)
      if (committed === undefined) continue
      // As the client returns it.
      const record = acceptedRecord(committed.text.slice(0, -1), start, this.#topic.ends[p] as number)
      assert.ok(record !== undefined && !('refused' in record), JSON.stringify(record))
      for (const digest of record.finished) this.#known.add(digest)
      this.#replays.set(p, { ...replay(record), kind: record.unresolved.kind })
      this.seen[`records of kind ${record.unresolved.kind}`]++
    }
  }

  #read(p: number): void {
    const record = this.#next[p] === -1 ? undefined : this.#topic.logs[p]?.[this.#next[p] as number]
    if (record === undefined) return
    this.#next[p] = (this.#next[p] as number) + 1
    const { offset, file, chunk } = record
    const hash = file === undefined ? undefined : this.#hash(file)
    const told = this.#replays.get(p)
    if (told !== undefined && offset < told.end) {
      const isResolved = told.isResolved(offset, hash)
      if (isResolved) assert.ok(this.#isDone(p, record), `${p}:${offset} is passed over`)
      else if (told.kind === 'offsets' && !this.#mayComeBack(file))
        assert.ok(!this.#atAssign.records.has(`${p}:${offset}`), `${p}:${offset} comes back`)
      if (isResolved) {
        this.seen.replayed++
        this.#resolveAtOnce(p, record)
        return
      }
    }
    if (file === undefined) {
      const receipt = this.#ledger.receive(p, offset, -1) as Receipt
      this.#singles.push({ receipt, key: `${p}:${offset}` })
      return
    }
    if (this.#known.has(this.#topic.digests[file] as string)) return this.#resolveAtOnce(p, record)
    assert.ok(!this.#isLasting(file), `file ${file} comes back through ${p}:${offset}`)
    let open = this.#open.get(file)
    if (open === undefined) {
      const tried = [...this.#replays.values()].map(it => it.attemptsOf(hash as number))
      const attempts = Math.max(0, ...tried)
      if (!this.#topic.colliding.has(file)) assert.equal(attempts, this.#atAssign.attempts.get(file) ?? 0)
      open = { file, hash: hash as number, attempts, receipts: [], chunks: new Set(), first: new Map() }
      this.#open.set(file, open)
    }
    open.receipts.push(this.#ledger.receive(p, offset, file) as Receipt)
    open.chunks.add(chunk)
    if (!open.first.has(p)) open.first.set(p, offset)
  }

  #resolveAtOnce(p: number, { offset }: LogRecord): void {
    this.#ledger.resolve(this.#ledger.receive(p, offset, -1) as Receipt)
    this.#resolved.add(`${p}:${offset}`)
  }

  #finish(open: Open): void {
    assert.ok(!this.#isLasting(open.file), `file ${open.file} runs again`)
    for (const receipt of open.receipts) {
      for (const { partition, offset } of this.#ledger.unresolved([receipt]))
        this.#resolved.add(`${partition}:${offset}`)
      assert.ok(this.#ledger.resolve(receipt))
    }
    for (const [p, first] of open.first) {
      const told = this.#replays.get(p)
      if (told !== undefined && first < told.end) told.finish(this.#topic.digests[open.file] as string)
    }
    this.#open.delete(open.file)
    this.#known.add(this.#topic.digests[open.file] as string)
    this.#everFinished.add(open.file)
    this.seen.finished++
  }

  #resolve(single: { readonly receipt: Receipt; readonly key: string }): void {
    assert.ok(this.#ledger.resolve(single.receipt))
    this.#singles = this.#singles.filter(other => other !== single)
    this.#resolved.add(single.key)
    this.#everResolved.add(single.key)
  }

  #commit(as: Step['as']): InFlight | undefined {
    const cut = this.#ledger.cut()
    if (cut.length === 0) return undefined
    const commits: { p: number; offset: number; text: string }[] = []
    for (const part of cut) {
      const content = commitContent({
        cut: part,
        replay: this.#replays.get(part.partition),
        fileOf: file => this.#open.get(file),
        finished: this.#topic.remembers && part === cut[0] ? [...this.#known] : [],
      })
      const text =
        (as !== 'shortest' &&
          encodeCommitRecord({ ...content, [as === 'runs' ? 'files' : 'runs']: undefined })) ||
        encodeCommitRecord(content)
      if (!text) return undefined
      commits.push({ p: part.partition, offset: part.base, text: text.text })
    }
    const done = {
      files: new Set(this.#topic.digests.flatMap((digest, file) => (this.#known.has(digest) ? [file] : []))),
      records: new Set([...this.#lasting.records, ...this.#resolved]),
      attempts: new Map([
        ...this.#atAssign.attempts,
        ...[...this.#open.values()].map(it => [it.file, it.attempts] as const),
      ]),
    }
    return { cut, commits, done }
  }

  #answer(isApplied: boolean, isHeard: boolean): void {
    const { cut, commits, done } = this.#inFlight ?? { cut: [], commits: [], done: this.#lasting }
    this.#inFlight = undefined
    if (isApplied) {
      this.#lasting = done
      for (const { p, offset, text } of commits) {
        this.#broker.set(p, { offset, text })
        for (const record of this.#topic.logs[p] as LogRecord[])
          if (record.offset < offset) assert.ok(this.#isDone(p, record), `${p}:${record.offset} is lost`)
      }
    }
    if (isHeard) this.#ledger.committed(cut)
  }

  /** Open files that are whole. */
  #complete(): Open[] {
    return [...this.#open.values()].filter(({ file, chunks }) => chunks.size === this.#topic.totals[file])
  }

  /** Whether no process may run it again. */
  #isLasting(file: number): boolean {
    return this.#lasting.files.has(file) && !this.#mayComeBack(file)
  }

  /** A finished file can be taken for an unfinished one with its hash. */
  #mayComeBack(file: number | undefined): boolean {
    return file !== undefined && !this.#topic.remembers && this.#topic.colliding.has(file)
  }

  #isDone(p: number, { offset, file }: LogRecord): boolean {
    return file === undefined ? this.#everResolved.has(`${p}:${offset}`) : this.#everFinished.has(file)
  }

  #hash(file: number): number {
    return fileHash40(this.#topic.digests[file] as string)
  }
}

function pick<T>(from: readonly T[], which: number, count: number): T[] {
  return from.length === 0
    ? []
    : Array.from({ length: Math.min(count, from.length) }, (_, i) => from[(which + i) % from.length] as T)
}

test('fault 6: after any history nothing finished runs again, and nothing unfinished is passed over', () => {
  const { FC_RUNS, FC_SEED, FC_PATH } = process.env
  const numRuns = Number(FC_RUNS ?? 2_000)
  const seed = Number(FC_SEED ?? (Date.now() ^ (Math.random() * 2 ** 31)) | 0)
  console.log(`FC_RUNS=${numRuns} FC_SEED=${seed}`)
  const sums: Record<string, number> = {}
  fc.assert(
    fc.property(anyWorld, fc.array(step, { maxLength: 80, size: 'max' }), (world, steps) => {
      const history = new History(topicOf(world))
      for (const one of steps) history.step(one)
      history.end()
      for (const [what, times] of Object.entries(history.seen)) sums[what] = (sums[what] ?? 0) + times
    }),
    { numRuns, seed, ...(FC_PATH === undefined ? {} : { path: FC_PATH }) },
  )
  // The histories are worth something: all that matters did happen, and often.
  if (FC_PATH === undefined)
    for (const [what, times] of Object.entries(sums)) assert.ok(times > numRuns, `${what}: ${times}`)
})
