import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Flow, type Load, nextFlow } from '../../src/core/backpressure.ts'

const BUDGET = 1_000
const load = (memoryBytes: number, queuedBytes: number, queuedFiles: number): Load => ({
  memoryBytes,
  queuedBytes,
  queuedFiles,
  budgetBytes: BUDGET,
  recordFill: 0,
  stopped: false,
  diskFull: false,
})

test('below 80 % everything flows', () => {
  assert.equal(nextFlow('flow', load(799, 400, 4)), 'flow')
})

test('fault 57: from 80 % on nothing is read while complete files wait, until half is free', () => {
  assert.equal(nextFlow('flow', load(800, 100, 1)), 'pause')
  assert.equal(nextFlow('pause', load(600, 100, 1)), 'pause')
  assert.equal(nextFlow('pause', load(499, 100, 1)), 'flow')
})

test('fault 57: complete files on disk count too', () => {
  assert.equal(nextFlow('flow', load(0, 800, 3)), 'pause')
  assert.equal(nextFlow('spool', load(0, 800, 3)), 'pause')
  assert.equal(nextFlow('pause', load(0, 700, 3)), 'pause')
  assert.equal(nextFlow('pause', load(0, 499, 2)), 'flow')
})

test('fault 62: full of files that are not complete, chunks go to disk and reading goes on', () => {
  assert.equal(nextFlow('flow', load(800, 0, 0)), 'spool')
  assert.equal(nextFlow('pause', load(900, 0, 0)), 'spool')
  assert.equal(nextFlow('spool', load(501, 0, 0)), 'spool')
  assert.equal(nextFlow('spool', load(499, 0, 0)), 'flow')
})

const anyLoad = fc
  .record({
    memoryBytes: fc.nat({ max: 3 * BUDGET }),
    queuedBytes: fc.nat({ max: 3 * BUDGET }),
    queuedFiles: fc.nat({ max: 5 }),
  })
  .map(({ memoryBytes, queuedBytes, queuedFiles }) =>
    load(memoryBytes, queuedFiles === 0 ? 0 : queuedBytes, queuedFiles),
  )
const anyFlow = fc.constantFrom<Flow[]>('flow', 'pause', 'spool')

test('fault 62: with no complete file that could free memory it never pauses: that would be for ever', () => {
  fc.assert(
    fc.property(anyFlow, anyLoad, (flow, at) => {
      if (at.queuedFiles === 0) assert.notEqual(nextFlow(flow, at), 'pause')
    }),
    { numRuns: 3_000 },
  )
})

test('memory never fills unwatched: from 80 % on no chunk goes there', () => {
  fc.assert(
    fc.property(anyFlow, anyLoad, (flow, at) => {
      if (at.memoryBytes >= 0.8 * BUDGET || at.queuedBytes >= 0.8 * BUDGET)
        assert.notEqual(nextFlow(flow, at), 'flow')
      if (at.memoryBytes < 0.5 * BUDGET && at.queuedBytes < 0.5 * BUDGET)
        assert.equal(nextFlow(flow, at), 'flow')
    }),
    { numRuns: 3_000 },
  )
})

test('at a steady load it settles: no answer alternates', () => {
  fc.assert(
    fc.property(anyFlow, anyLoad, (flow, at) => {
      const first = nextFlow(flow, at)
      const second = nextFlow(first, at)
      assert.equal(nextFlow(second, at), second)
    }),
    { numRuns: 3_000 },
  )
})
