import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rdkafka } from '../../../src/kafka/addon.ts'
import { ask, disconnected } from '../../../src/kafka/ask/admin.ts'

test('a client is disconnected once nothing is asked any more, also where nobody waits for the answer', async t => {
  const binding = rdkafka() as unknown as { AdminClient: { createFrom(client: unknown): unknown } }
  t.mock.method(binding.AdminClient, 'createFrom', () => ({}))
  let isGone = false
  const client = {
    disconnect(done: () => void) {
      isGone = true
      done()
    },
  } as unknown as Parameters<typeof ask>[0]
  const answers: ((error: Error | null) => void)[] = []
  const questions = [0, 1].map(() =>
    ask(client, (_, done) => answers.push(done as (error: Error | null) => void)),
  )
  const both = Promise.all(questions)
  answers[0]?.(new Error('refused'))
  await assert.rejects(both, /refused/)
  const gone = disconnected(client)
  await new Promise(setImmediate)
  assert.equal(isGone, false)
  answers[1]?.(null)
  await gone
  assert.equal(isGone, true)
})
