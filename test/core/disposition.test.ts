import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { afterFailure } from '../../src/core/disposition.ts'

test('delays double from 1 s up to 60 s, then the policy follows', () => {
  const policy = { retries: 8, onError: 'hold' } as const
  const answers = Array.from({ length: 9 }, (_, i) => afterFailure(policy, i + 1))
  assert.deepEqual(
    answers.map(answer => (answer.action === 'retry' ? answer.delayMs / 1_000 : answer.action)),
    [1, 2, 4, 8, 16, 32, 60, 60, 'hold'],
  )
})

test('fault 50: a file is tried once and then as often as asked for, whatever follows', () => {
  const policies = fc.record({
    retries: fc.nat({ max: 2_000 }),
    onError: fc.constantFrom('hold' as const, 'skip' as const, 'stop' as const),
  })
  fc.assert(
    fc.property(policies, policy => {
      let attempts = 1
      for (; ; attempts++) {
        const answer = afterFailure(policy, attempts)
        if (answer.action !== 'retry') {
          assert.equal(answer.action, policy.onError)
          break
        }
        assert.ok(answer.delayMs >= 1_000 && answer.delayMs <= 60_000)
      }
      assert.equal(attempts, policy.retries + 1)
    }),
  )
})
