/** When a transaction may be open, and what is sent with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Place, type Rounds, rounds, type Step } from '../../src/repartition/rounds.ts'

test('a round is committed with the places of the partitions that it read, and only those', () => {
  const state = rounds()
  state.changes({ kind: 'assign', partitions: [0, 1, 2] })
  assert.deepEqual(state.next(false, false), {
    do: 'answer',
    change: { kind: 'assign', partitions: [0, 1, 2] },
  })
  state.assigned([0, 1, 2].map(partition => ({ partition, offset: 10 })))
  assert.deepEqual(state.next(false, false), { do: 'read' })
  state.began()
  state.moved(0, 11)
  state.moved(2, 13)
  assert.deepEqual(state.next(false, false), { do: 'read' })
  assert.deepEqual(state.next(true, false), {
    do: 'commit',
    places: [
      { partition: 0, offset: 11 },
      { partition: 2, offset: 13 },
    ],
  })
  state.committed()
  assert.deepEqual(state.next(true, false), { do: 'read' })
  assert.equal(state.position(2), 13)
})

test('a change ends the open round before it is answered, and a lost assignment aborts it', () => {
  for (const isLost of [false, true]) {
    const state = rounds()
    state.changes({ kind: 'assign', partitions: [0] })
    state.assigned([{ partition: 0, offset: 0 }])
    state.began()
    state.moved(0, 1)
    state.changes({ kind: 'revoke', partitions: [0] })
    assert.equal(state.next(false, isLost).do, isLost ? 'abort' : 'commit')
    if (isLost) state.aborted()
    else state.committed()
    assert.equal(state.next(false, isLost).do, 'answer')
    state.revoked()
    assert.equal(state.position(0), undefined)
    assert.deepEqual(state.next(false, false), { do: 'read' })
  }
})

test('after an abort, and after a new producer, partitions go back to what is committed', () => {
  for (const way of ['failed', 'broken'] as const) {
    const state = rounds()
    state.changes({ kind: 'assign', partitions: [0, 1] })
    state.assigned([0, 1].map(partition => ({ partition, offset: 5 })))
    state.began()
    state.moved(0, 9)
    state[way]()
    assert.equal(state.next(false, false).do, way === 'failed' ? 'abort' : 'reopen')
    if (way === 'failed') state.aborted()
    else state.reopened()
    assert.equal(state.position(0), undefined)
    assert.deepEqual(state.next(false, false), { do: 'reposition', partitions: [0, 1] })
    state.repositioned([0, 1].map(partition => ({ partition, offset: 5 })))
    assert.equal(state.position(0), 5)
    assert.deepEqual(state.next(false, false), { do: 'read' })
  }
})

/** What happens between two steps, and how the next one goes: 0 it is done, 1 it fails, 2 the producer is of no use. */
const history = fc.array(
  fc.record({
    goes: fc.constantFrom(0, 0, 0, 0, 1, 2),
    read: fc.array(fc.nat(3), { maxLength: 4 }),
    change: fc.option(fc.record({ kind: fc.constantFrom('assign', 'revoke'), bits: fc.nat(15) }), {
      freq: 3,
    }),
    lost: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
    due: fc.boolean(),
  }),
  { minLength: 40, maxLength: 120, size: 'max' },
)

test('whatever comes: no answer while a transaction is open, no offset of what is not owned, no record twice or passed over', () => {
  fc.assert(
    fc.property(history, events => {
      const world = model()
      for (const event of events) {
        world.happens(event.change, event.lost)
        world.step(event.due, event.goes, event.read)
      }
      // Left alone, it comes to rest.
      for (let i = 0; i < 20; i++) world.step(true, 0, [])
      assert.equal(world.state.phase, 'idle')
    }),
    { numRuns: 1_000 },
  )
})

type Changed = { readonly kind: string; readonly bits: number } | null

/** A broker with four partitions: what is committed, whose they are, and whether a transaction is open. */
function model() {
  const state: Rounds = rounds()
  const committed = new Map<number, number>()
  const granted = new Set<number>()
  const owned = new Set<number>()
  const isGoing = new Set<number>()
  let open: Map<number, number> | undefined
  let isLost = false
  const all = [0, 1, 2, 3]
  const places = (partitions: readonly number[]): Place[] =>
    partitions.map(partition => ({ partition, offset: committed.get(partition) ?? 0 }))

  function perform(step: Step, goes: number, read: readonly number[]): void {
    switch (step.do) {
      case 'read': {
        for (const partition of read) {
          const at = state.position(partition)
          if (at === undefined) continue
          assert.ok(owned.has(partition))
          assert.equal(at, open?.get(partition) ?? committed.get(partition) ?? 0)
          if (state.phase !== 'open') {
            if (goes > 0) return goes === 1 ? state.failed() : state.broken()
            state.began()
            open = new Map()
          }
          open?.set(partition, at + 1)
          state.moved(partition, at + 1)
        }
        return
      }
      case 'commit': {
        assert.ok(open !== undefined && !isLost)
        for (const { partition, offset } of step.places) {
          assert.ok(owned.has(partition))
          assert.equal(offset, open.get(partition))
        }
        assert.equal(step.places.length, open.size)
        if (goes === 1) return state.failed()
        // It is not known whether it was taken.
        if (goes === 0 || step.places.length % 2 === 0)
          for (const [partition, offset] of open) committed.set(partition, offset)
        open = undefined
        return goes === 0 ? state.committed() : state.broken()
      }
      case 'abort':
        if (goes === 2) return state.broken()
        open = undefined
        return state.aborted()
      case 'reopen':
        if (goes > 0) return
        open = undefined
        return state.reopened()
      case 'reposition':
        if (goes > 0) return
        for (const partition of step.partitions) assert.ok(owned.has(partition))
        return state.repositioned(places(step.partitions))
      case 'answer': {
        assert.equal(open, undefined)
        const { kind, partitions } = step.change
        if (kind === 'revoke') {
          for (const partition of partitions) {
            owned.delete(partition)
            isGoing.delete(partition)
          }
          isLost = false
          return state.revoked()
        }
        if (goes > 0) return
        for (const partition of partitions) owned.add(partition)
        return state.assigned(places(partitions))
      }
    }
  }

  return {
    state,
    happens(change: Changed, lost: boolean): void {
      if (lost && granted.size > 0 && !isLost && isGoing.size === 0) {
        // Others have them, and move on.
        isLost = true
        for (const partition of granted) isGoing.add(partition)
        state.changes({ kind: 'revoke', partitions: [...granted] })
        granted.clear()
        return
      }
      if (change === null || isLost) return
      const named = all.filter(partition => change.bits & (1 << partition))
      if (change.kind === 'assign') {
        const list = named.filter(partition => !granted.has(partition) && !isGoing.has(partition))
        for (const partition of list) granted.add(partition)
        state.changes({ kind: 'assign', partitions: list })
      } else {
        const list = named.filter(partition => granted.has(partition))
        for (const partition of list) {
          granted.delete(partition)
          isGoing.add(partition)
        }
        state.changes({ kind: 'revoke', partitions: list })
      }
    },
    step(due: boolean, goes: number, read: readonly number[]): void {
      perform(state.next(due, isLost), goes, read)
    },
  }
}
