/**
 * The ledger against a model that is too simple to be wrong: per partition a map of what is received and unresolved.
 * Every step is followed by the invariants in the ledger's header and by a comparison with the model.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Ledger, ledger, type PartitionCut, type Receipt } from '../../../src/core/offsets/ledger.ts'

const PARTITIONS = 3

type Op =
  | {
      readonly op: 'assign'
      readonly p: number
      readonly base: number
      readonly committed: number | undefined
    }
  | { readonly op: 'revoke'; readonly p: number }
  /** `gap` offsets after `position` hold no record; a negative one is a record from below it. Then `more` others. */
  | {
      readonly op: 'receive'
      readonly p: number
      readonly gap: number
      readonly owner: number
      readonly more: number
    }
  /** Any receipt that was ever given, resolved, stale or not; and `more` of those given after it. */
  | { readonly op: 'resolve'; readonly which: number; readonly more: number }
  | { readonly op: 'skipTo'; readonly p: number; readonly by: number }
  | { readonly op: 'cut' }
  | { readonly op: 'acknowledge' }
  | { readonly op: 'refuse' }

const p = fc.nat({ max: PARTITIONS - 1 })
const few = fc.integer({ min: -2, max: 3 })
const anyOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('assign' as const),
      p,
      base: fc.nat({ max: 50 }),
      committed: fc.option(fc.nat({ max: 50 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('revoke' as const), p }) },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant('receive' as const),
      p,
      gap: few,
      owner: fc.nat({ max: 9 }),
      more: fc.oneof(fc.constant(0), fc.constant(0), fc.nat({ max: 60 })),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant('resolve' as const),
      which: fc.nat(),
      more: fc.oneof(fc.constant(0), fc.nat({ max: 60 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('skipTo' as const), p, by: few }) },
  { weight: 3, arbitrary: fc.constant({ op: 'cut' as const }) },
  { weight: 2, arbitrary: fc.constant({ op: 'acknowledge' as const }) },
  { weight: 1, arbitrary: fc.constant({ op: 'refuse' as const }) },
)

test('the ledger behaves as its model through any history', () => {
  const ends = { done: 0, stale: 0, acknowledged: 0 }
  fc.assert(
    fc.property(fc.array(anyOp, { maxLength: 70, size: 'max' }), ops => {
      const history = new History()
      for (const op of ops) history.step(op)
      ends.done += history.seen.done
      ends.stale += history.seen.stale
      ends.acknowledged += history.seen.acknowledged
    }),
    { numRuns: 2_000 },
  )
  // The histories are worth something: all that matters did happen, and often.
  for (const [what, times] of Object.entries(ends)) assert.ok(times > 1_000, `${what}: ${times}`)
})

interface ModelPartition {
  readonly epoch: number
  position: number
  readonly unresolved: Map<number, number> // offset -> owner
  committed: number | undefined
  changes: number
  committedChanges: number
  /** The highest base so far in this epoch. */
  highest: number
}

/** Runs operations on ledger and model side by side. */
class History {
  readonly seen = { done: 0, stale: 0, acknowledged: 0 }
  readonly #real: Ledger = ledger()
  readonly #model = new Map<number, ModelPartition>()
  readonly #receipts: { readonly receipt: Receipt; readonly offset: number }[] = []
  #epochs = 0
  #inFlight: readonly PartitionCut[] | undefined

  step(op: Op): void {
    switch (op.op) {
      case 'assign':
        this.#assign(op)
        break
      case 'revoke':
        if (this.#model.delete(op.p)) this.#real.revoke(op.p)
        else assert.throws(() => this.#real.revoke(op.p))
        break
      case 'receive':
        for (let i = 0; i <= op.more; i++) this.#receive(op.p, i === 0 ? op.gap : 0, op.owner)
        break
      case 'resolve':
        for (let i = 0; i <= op.more; i++) this.#resolve(op.which + i)
        break
      case 'skipTo':
        this.#skipTo(op)
        break
      case 'cut':
        this.#inFlight = this.#real.cut()
        break
      case 'acknowledge':
        this.#acknowledge()
        break
      case 'refuse':
        this.#inFlight = undefined
    }
    this.#compare()
  }

  #assign({ p, base, committed }: Extract<Op, { op: 'assign' }>): void {
    if (this.#model.has(p)) {
      assert.throws(() => this.#real.assign(p, base, committed))
      return
    }
    const epoch = this.#real.assign(p, base, committed)
    assert.ok(epoch > this.#epochs, 'no epoch comes twice')
    this.#epochs = epoch
    this.#model.set(p, {
      epoch,
      position: base,
      unresolved: new Map(),
      committed,
      changes: 0,
      committedChanges: 0,
      highest: base,
    })
  }

  #receive(p: number, gap: number, owner: number): void {
    const model = this.#model.get(p)
    const offset = (model?.position ?? 5) + gap
    const receipt = this.#real.receive(p, offset, owner)
    assert.equal(receipt !== undefined, model !== undefined && gap >= 0)
    if (!receipt || !model) return
    assert.equal(receipt.epoch, model.epoch)
    model.unresolved.set(offset, owner)
    model.position = offset + 1
    this.#receipts.push({ receipt, offset })
  }

  #resolve(which: number): void {
    const found = this.#receipts[which % Math.max(1, this.#receipts.length)]
    if (!found) return
    const { receipt, offset } = found
    const model = this.#model.get(receipt.partition)
    const isStale = model?.epoch !== receipt.epoch
    const isNews = model !== undefined && !isStale && model.unresolved.delete(offset)
    assert.equal(this.#real.resolve(receipt), isNews)
    if (isNews) this.seen.done++
    if (isNews) model.changes++
    if (isStale) this.seen.stale++
  }

  #skipTo({ p, by }: Extract<Op, { op: 'skipTo' }>): void {
    const model = this.#model.get(p)
    if (!model) {
      assert.throws(() => this.#real.skipTo(p, 5))
      return
    }
    const to = model.position + by
    this.#real.skipTo(p, to)
    model.position = Math.max(model.position, to)
  }

  #acknowledge(): void {
    if (!this.#inFlight) return
    this.#real.committed(this.#inFlight)
    for (const part of this.#inFlight) {
      const model = this.#model.get(part.partition)
      if (model?.epoch !== part.epoch) continue
      model.committed = part.base
      model.committedChanges = part.changes
      this.seen.acknowledged++
    }
    this.#inFlight = undefined
  }

  #compare(): void {
    const real = this.#real
    let unresolved = 0
    for (let p = 0; p < PARTITIONS; p++) {
      const model = this.#model.get(p)
      assert.equal(real.epoch(p), model?.epoch)
      if (!model) {
        assert.throws(() => real.base(p))
        assert.throws(() => real.position(p))
        continue
      }
      const base = real.base(p)
      assert.ok(base <= real.position(p), 'base never passes position')
      for (const offset of model.unresolved.keys())
        assert.ok(base <= offset, 'base never passes an unresolved one')
      assert.ok(base >= model.highest, 'base never moves back within an epoch')
      model.highest = base
      assert.equal(base, baseOf(model))
      assert.equal(real.position(p), model.position)
      unresolved += model.unresolved.size
    }
    assert.equal(real.unresolvedCount, unresolved)
    assert.deepEqual(real.partitions().sort(), [...this.#model.keys()].sort())
    const dirty = [...this.#model].filter(
      ([, model]) => baseOf(model) !== model.committed || model.changes !== model.committedChanges,
    )
    assert.equal(real.isClean, dirty.length === 0)
    assert.deepEqual(
      real.cut().map(({ eachUnresolved, ...part }) => {
        const unresolved: [number, number][] = []
        eachUnresolved((offset, owner) => unresolved.push([offset, owner]))
        return { ...part, unresolved }
      }),
      dirty.map(([partition, model]) => ({
        partition,
        epoch: model.epoch,
        base: baseOf(model),
        position: model.position,
        changes: model.changes,
        unresolved: [...model.unresolved],
      })),
    )
  }
}

function baseOf(model: ModelPartition): number {
  return model.unresolved.size === 0 ? model.position : Math.min(...model.unresolved.keys())
}
