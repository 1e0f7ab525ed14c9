/**
 * Whole histories of a run: files in pieces over several partitions, a plugin that answers late or fails, commits that
 * fail, partitions that are taken away, kills. After each step the promise is checked: nothing is committed below a
 * file that the plugin has not finished, and no committed offset goes back. At the end every file was processed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { settled } from './clock.ts'
import { type Call, cut, DONE, failure, type World, world } from './world.ts'

const PARTITIONS = 3
const SECOND = 1_000

type Op =
  | { readonly op: 'read'; readonly n: number }
  | { readonly op: 'answer'; readonly which: number; readonly fails: boolean }
  | { readonly op: 'wait'; readonly seconds: number }
  | { readonly op: 'revoke'; readonly lost: boolean }
  | { readonly op: 'kill' }
  | { readonly op: 'commits'; readonly are: 'fine' | 'refused' | 'slow' }

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant('read' as const), n: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('answer' as const),
      which: fc.nat(),
      fails: fc.oneof(fc.constant(false), fc.constant(false), fc.constant(true)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('wait' as const), seconds: fc.constantFrom(0.1, 1, 5, 70) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('revoke' as const), lost: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ op: 'kill' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('commits' as const),
      are: fc.constantFrom('fine' as const, 'refused' as const, 'slow' as const),
    }),
  },
)

/** Index of a file, and whether this copy of its chunk has damaged data. */
interface Placed {
  readonly file: number
  readonly chunk: number
  readonly partition: number
}

const scenario = fc.record({
  chunks: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 10 }),
  shuffle: fc.infiniteStream(fc.nat()),
  duplicates: fc.nat({ max: 6 }),
  ops: fc.array(anyOp, { minLength: 10, maxLength: 90, size: 'max' }),
  threads: fc.integer({ min: 1, max: 3 }),
})

test('fault 12: through any history nothing is lost, and nothing committed too early', async t => {
  const happened = { kills: 0, lost: 0, retries: 0, commits: 0, twice: 0 }
  await fc.assert(
    fc.asyncProperty(scenario, async ({ chunks, shuffle, duplicates, ops, threads }) => {
      const history = new History(t, threads)
      const next = (below: number) => (shuffle.next().value as number) % below
      history.write(chunks, duplicates, next)
      for (const op of ops) {
        await history.step(op)
        history.check()
      }
      await history.end()
      happened.kills += history.kills
      happened.lost += history.lost
      happened.retries += history.world.events.filter(e => e.type === 'retry').length
      happened.commits += history.world.commits.length
      happened.twice += history.checkRuns()
    }),
    { numRuns: 150 },
  )
  for (const [what, times] of Object.entries(happened)) assert.ok(times > 20, `${what}: ${times}`)
})

class History {
  readonly world: World
  kills = 0
  lost = 0
  readonly #pending: { readonly call: Call; readonly resolve: (result: TaskResult) => void }[] = []
  /** Paths of files for which the plugin has returned null. */
  readonly #finished = new Map<string, number>()
  /** What each record is a chunk of, by partition and offset. */
  readonly #written: string[][] = Array.from({ length: PARTITIONS }, () => [])
  readonly #committed = new Map<number, number>()
  #paths: string[] = []

  constructor(t: { after(work: () => void): void }, threads: number) {
    this.world = world(t, {
      partitions: PARTITIONS,
      threads,
      settings: { onFailure: { retries: 1_000, onError: 'hold' } },
      plugin: call => new Promise(resolve => this.#pending.push({ call, resolve })),
    })
  }

  /** Appends all chunks and some duplicates in a random order to random partitions. */
  write(chunks: readonly number[], duplicates: number, next: (below: number) => number): void {
    const files = chunks.map((n, i) => cut(`d/f${i}`, `${i}`.repeat(4 * n)))
    this.#paths = files.map(file => file.path)
    const once = files.flatMap((file, i): Placed[] =>
      file.values.map((_, chunk) => ({ file: i, chunk, partition: next(PARTITIONS) })),
    )
    const twice = Array.from({ length: duplicates }, () => once[next(once.length)] as Placed)
    const all = [...once, ...twice]
    while (all.length > 0) {
      const [placed] = all.splice(next(all.length), 1) as [Placed]
      const file = files[placed.file] as (typeof files)[number]
      this.world.append(placed.partition, file.values[placed.chunk] as Buffer)
      this.#written[placed.partition]?.push(file.path)
    }
  }

  async step(op: Op): Promise<void> {
    const w = this.world
    switch (op.op) {
      case 'read':
        return await w.read(op.n)
      case 'answer':
        return await this.#answer(op.which, op.fails)
      case 'wait':
        return await w.clock.advance(op.seconds * SECOND)
      case 'revoke':
        return await this.#revoke(op.lost)
      case 'kill':
        this.kills++
        this.#pending.length = 0
        w.crash()
        return w.assign()
      case 'commits':
        w.onCommit = {
          fine: undefined,
          refused: async () => {
            throw new Error('refused')
          },
          slow: () => new Promise<void>(resolve => void w.clock.after(3 * SECOND, resolve)),
        }[op.are]
    }
  }

  /** The promise, as far as it can be seen from outside. */
  check(): void {
    for (const [partition, offset] of this.world.committed) {
      assert.ok(offset >= (this.#committed.get(partition) ?? 0), 'a committed offset went back')
      this.#committed.set(partition, offset)
      const below = this.#written[partition]?.slice(0, offset) ?? []
      for (const path of below) assert.ok(this.#finished.has(path), `${path} is committed and not finished`)
    }
    assert.deepEqual(this.world.stops, [])
  }

  /** From now on all goes well: everything must come to its end. */
  async end(): Promise<void> {
    const w = this.world
    w.onCommit = undefined
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 500, 'stands still')
      await w.read()
      while (this.#pending.length > 0) await this.#answer(0, false)
      await w.clock.advance(5 * SECOND)
      this.check()
      if (w.log.every((values, p) => (w.committed.get(p) ?? 0) === values.length)) break
    }
    assert.deepEqual([...this.#finished.keys()].sort(), [...this.#paths].sort())
    assert.equal(w.processor.quiet, true)
    // What a killed process held went with it.
    if (this.kills === 0) assert.equal(w.store.memoryBytes, 0)
  }

  /** Without a kill or a loss each file is finished once; returns how many were finished more often. */
  checkRuns(): number {
    const more = [...this.#finished.values()].filter(times => times > 1).length
    if (this.kills === 0 && this.lost === 0) assert.equal(more, 0)
    return more
  }

  async #answer(which: number, fails: boolean): Promise<void> {
    const [pending] = this.#pending.splice(which % Math.max(1, this.#pending.length), 1)
    if (!pending) return
    const { path } = pending.call
    if (!fails) this.#finished.set(path, (this.#finished.get(path) ?? 0) + 1)
    pending.resolve(fails ? failure('told to fail') : DONE)
    await settled()
  }

  async #revoke(lost: boolean): Promise<void> {
    const running = this.#pending.length
    const revoked = this.world.revoke({ lost, drainMs: 2 * SECOND })
    // One more answer while the partitions are being taken away; what is left is given up.
    if (!lost) await this.#answer(0, false)
    await this.world.clock.advance(10 * SECOND)
    await revoked
    if (lost || running > 1) this.lost++
    this.world.assign()
  }
}
