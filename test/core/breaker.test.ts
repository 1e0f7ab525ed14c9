import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breaker, PROBE_EVERY_MS } from '../../src/core/breaker.ts'

test('fault 59: it opens when so many different files failed in a row, and that last one counts for nothing', () => {
  const b = breaker(3)
  assert.equal(b.failed(true, 'a', 0), false)
  assert.equal(b.failed(true, 'b', 0), false)
  assert.equal(b.state, 'closed')
  assert.equal(b.failed(true, 'c', 0), true)
  assert.equal(b.state, 'open')
  assert.match(b.reason ?? '', /3 different files .* c$/)
})

test('further attempts at one file are no different files, and a success begins the row anew', () => {
  const b = breaker(2)
  for (let i = 0; i < 9; i++) assert.equal(b.failed(false, 'x', 0), false)
  b.failed(true, 'x', 0)
  assert.equal(b.succeeded(), false)
  assert.equal(b.failed(true, 'x', 0), false)
  assert.equal(b.state, 'closed')
})

test('while it is open one file is tried now and then; its failure opens it again, its success closes it', () => {
  const b = breaker(1)
  b.failed(true, 'x', 0)
  assert.equal(b.mayStart(PROBE_EVERY_MS - 1), false)
  assert.equal(b.mayStart(PROBE_EVERY_MS), true)
  assert.equal(b.mayStart(PROBE_EVERY_MS), false, 'one at a time')
  assert.equal(b.failed(true, 'y', PROBE_EVERY_MS + 5), true)
  assert.equal(b.probes, 1)
  assert.equal(b.mayStart(PROBE_EVERY_MS + 6), false)
  assert.equal(b.mayStart(2 * PROBE_EVERY_MS + 5), true)
  assert.equal(b.succeeded(), true)
  assert.equal(b.state, 'closed')
  assert.equal(b.probes, 0)
  assert.equal(b.mayStart(0), true)
})

test('what was running when it opened counts for nothing either, and is no probe', () => {
  const b = breaker(1)
  b.failed(true, 'x', 0)
  assert.equal(b.failed(true, 'y', 1), true)
  assert.equal(b.probes, 0)
  assert.equal(b.mayStart(PROBE_EVERY_MS), true)
})

test('a probe that says nothing of the environment lets the next one start at once', () => {
  const b = breaker(1)
  b.failed(true, 'x', 0)
  b.mayStart(PROBE_EVERY_MS)
  b.undecided()
  assert.equal(b.mayStart(PROBE_EVERY_MS), true)
})

test('it opens at once where the environment is broken, and what was running at that time is no probe', () => {
  const b = breaker(6)
  b.trip('no answer', false, 0)
  b.trip('no answer', false, 1)
  assert.deepEqual([b.state, b.probes, b.isCertain], ['open', 0, true])
  assert.equal(b.mayStart(PROBE_EVERY_MS), true)
  b.trip('no answer', false, PROBE_EVERY_MS + 1)
  assert.deepEqual([b.state, b.probes, b.isCertain], ['open', 1, false])
})

test('with 0 it opens only where the environment is broken for certain', () => {
  const b = breaker(0)
  for (let i = 0; i < 99; i++) assert.equal(b.failed(true, 'x', 0), false)
  b.trip('disk full', true, 0)
  assert.equal(b.state, 'open')
  b.reset()
  assert.equal(b.state, 'closed')
})
