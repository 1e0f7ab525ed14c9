import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetadataOptions } from '@confluentinc/kafka-javascript'
import { ERR } from '../../src/kafka/client-error.ts'
import { patient } from '../../src/kafka/patience.ts'

type Ask = Parameters<typeof patient>[0]

/** A client whose broker answers the questions with these errors, in turn, and then with metadata. */
function asked(errors: readonly number[]) {
  const waits: number[] = []
  const ask = (options: MetadataOptions | undefined, done: (error: unknown, found?: unknown) => void) => {
    waits.push(options?.timeout ?? 0)
    const code = errors[waits.length - 1]
    setImmediate(() => (code === undefined ? done(null, { brokers: [] }) : done({ code })))
  }
  return { ask: ask as unknown as Ask, waits }
}

const outcome = (ask: Ask, isOver = () => false) =>
  new Promise(resolve =>
    patient(ask, isOver)({ timeout: 10_000 }, (error, found) => resolve(error?.code ?? found)),
  )

test('the first question waits for a moment only; without an answer it is asked again, and waits for longer each time', async () => {
  const { ask, waits } = asked([ERR.TIMED_OUT, ERR.TRANSPORT, ERR.TIMED_OUT])
  assert.deepEqual(await outcome(ask), { brokers: [] })
  assert.equal(waits.length, 4)
  assert.deepEqual(waits, [1_500, 2_250, 3_375, 5_063])
})

test('what the broker refuses, and what nobody waits for any more, is not asked again', async () => {
  const refused = asked([ERR.AUTHENTICATION])
  assert.equal(await outcome(refused.ask), ERR.AUTHENTICATION)
  assert.equal(refused.waits.length, 1)
  const over = asked([ERR.TIMED_OUT, ERR.TIMED_OUT])
  assert.equal(await outcome(over.ask, () => true), ERR.TIMED_OUT)
  assert.equal(over.waits.length, 1)
})
