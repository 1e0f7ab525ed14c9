import assert from 'node:assert/strict'
import { test } from 'node:test'
import { troubles } from '../../src/core/troubles.ts'

function told() {
  const heard: string[] = []
  const clock = { now: 0 }
  const trouble = troubles(
    text => heard.push(text),
    () => clock.now,
  )
  return { heard, clock, trouble }
}

test('the same trouble is told once a minute, another one at once', () => {
  const { heard, clock, trouble } = told()
  for (const now of [0, 1_000, 59_999, 60_000, 61_000]) {
    clock.now = now
    trouble.tell('no answer')
  }
  trouble.tell('refused')
  assert.deepEqual(heard, ['no answer', 'no answer (and 2 times since this was said last)', 'refused'])
})

test('fault 25: what lasts is told again each minute until it is over', () => {
  const { heard, clock, trouble } = told()
  trouble.again()
  trouble.tell('READ is not allowed', true)
  assert.equal(trouble.isLasting, true)
  for (const now of [10_000, 60_000, 70_000, 120_000]) {
    clock.now = now
    trouble.again()
  }
  trouble.over()
  clock.now = 240_000
  trouble.again()
  assert.equal(trouble.isLasting, false)
  assert.deepEqual(heard, Array(3).fill('READ is not allowed'))
})
