import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { heap } from '../../src/core/heap.ts'

test('items come out in order of rank, whatever was added and taken between', () => {
  const steps = fc.array(fc.oneof(fc.integer(), fc.constantFrom('take' as const, 'keep' as const)))
  fc.assert(
    fc.property(steps, given => {
      const queue = heap<number>(item => item)
      let model: number[] = []
      for (const step of given) {
        if (step === 'take') {
          const [first, ...rest] = model
          assert.equal(queue.peek(), first)
          assert.equal(queue.take(), first)
          model = rest
        } else if (step === 'keep') {
          queue.keep(item => item % 3 !== 0)
          model = model.filter(item => item % 3 !== 0)
        } else {
          queue.add(step)
          model = [...model, step].sort((a, b) => a - b)
        }
        assert.equal(queue.size, model.length)
        assert.equal(
          queue.first(item => item % 2 === 0),
          model.find(item => item % 2 === 0),
        )
      }
    }),
  )
})
