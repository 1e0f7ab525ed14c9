import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicIdentity } from '../../../src/kafka/ask/topic-identity.ts'

test('fault 28: a topic with another id is told once, one that is gone for a moment is not', async () => {
  const ids = ['a', 'a', undefined, 'a', 'b', 'b', 'c']
  const { hasChanged } = topicIdentity(async () => ids.shift())
  const told: boolean[] = []
  while (ids.length > 0) told.push(await hasChanged())
  // The first call learns the id, and waits for nothing.
  assert.deepEqual(told, [false, false, false, false, true, false, true])
})

test('a broker that tells no ids is asked once', async () => {
  let asked = 0
  const { hasChanged } = topicIdentity(async () => {
    asked++
    return undefined
  })
  for (let i = 0; i < 3; i++) {
    assert.equal(await hasChanged(), false)
    await new Promise(setImmediate)
  }
  assert.equal(asked, 1)
})

test('one question is open at a time, and one answer is told to one asker', async () => {
  let id = 'a'
  const { hasChanged } = topicIdentity(async () => id)
  await hasChanged()
  await new Promise(setImmediate)
  id = 'b'
  assert.deepEqual(await Promise.all([hasChanged(), hasChanged(), hasChanged()]), [true, false, false])
})
