import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readUntil } from '../../src/processor/reading/read-until.ts'

function setUp(partitions: number) {
  const clock = { now: 100 }
  const read = readUntil(() => clock.now)
  for (let p = 0; p < partitions; p++) read.assign(p)
  return { clock, read }
}

test('nothing is read to the end before each partition was', () => {
  const { read } = setUp(2)
  read.atEnd(0)
  assert.equal(read.time(), Number.NEGATIVE_INFINITY)
  read.atEnd(1)
  assert.equal(read.time(), 100)
})

test('a partition at its end stays there until a record comes; then it counts up to that moment', () => {
  const { clock, read } = setUp(2)
  read.atEnd(0)
  read.atEnd(1)
  clock.now = 500
  assert.equal(read.time(), 500)
  read.moved(0)
  clock.now = 900
  assert.equal(read.time(), 500)
  read.atEnd(0)
  assert.equal(read.time(), 900)
})

test('partitions need not be at their ends at one moment', () => {
  const { clock, read } = setUp(2)
  for (let i = 0; i < 10; i++) {
    clock.now += 10
    read.atEnd(i % 2)
    clock.now += 1
    read.moved(i % 2)
  }
  assert.ok(read.time() > 180, `${read.time()}`)
})

test('a pause stops the time, and for a moment after it, too', () => {
  const { clock, read } = setUp(1)
  read.atEnd(0)
  clock.now = 1_000
  read.paused(true)
  clock.now = 90_000
  assert.equal(read.time(), 1_000)
  read.paused(false)
  clock.now = 92_000
  assert.equal(read.time(), 1_000)
  clock.now = 99_000
  assert.equal(read.time(), 99_000)
})

test('partitions that are taken away hold nothing up', () => {
  const { read } = setUp(2)
  read.atEnd(0)
  read.revoke(1)
  assert.equal(read.time(), 100)
  read.revoke(0)
  assert.equal(read.time(), Number.NEGATIVE_INFINITY)
})

test('a pause that follows another at once goes on where that began', () => {
  const { clock, read } = setUp(1)
  read.atEnd(0)
  clock.now = 1_000
  read.paused(true)
  clock.now = 50_000
  read.paused(false)
  clock.now = 51_000
  read.paused(true)
  clock.now = 52_000
  read.paused(false)
  clock.now = 53_000
  assert.equal(read.time(), 1_000)
})

test('what comes after a pause may have lain there since it began', () => {
  const { clock, read } = setUp(1)
  read.atEnd(0)
  clock.now = 1_000
  read.paused(true)
  clock.now = 50_000
  read.paused(false)
  clock.now = 51_000
  read.moved(0)
  // Also where there is another pause before all of it is read.
  clock.now = 60_000
  read.paused(true)
  clock.now = 61_000
  read.paused(false)
  clock.now = 90_000
  assert.equal(read.time(), 1_000)
  read.atEnd(0)
  assert.equal(read.time(), 90_000)
})
