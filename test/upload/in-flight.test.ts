import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFlight } from '../../src/upload/in-flight.ts'

/** Whether a promise is settled once everything that is due now has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => {
    settled = true
  })
  await new Promise(resolve => setImmediate(resolve))
  return settled
}

test('a sender waits until its bytes fit', async () => {
  const flight = inFlight(10)
  await flight.enter(6)
  const second = flight.enter(6)
  assert.equal(await isSettled(second), false)
  flight.leave(6)
  assert.equal(await isSettled(second), true)
})

test('more than the limit may go alone', async () => {
  const flight = inFlight(10)
  await flight.enter(50)
  assert.equal(await isSettled(flight.drained()), false)
  flight.leave(50)
  assert.equal(await isSettled(flight.drained()), true)
})
