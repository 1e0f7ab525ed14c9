import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { GroupMember } from '../../src/kafka/ask/group.ts'
import { partitionOwners } from '../../src/run/partition-owners.ts'

/** A group of which the test says what is read here, and what the broker answers. */
function group() {
  const state = {
    now: 0,
    own: [0, 1] as readonly number[],
    asked: 0,
    answer: (async () => [lab2(2, 3)]) as () => Promise<readonly GroupMember[] | undefined>,
  }
  const owners = partitionOwners(
    {
      reading: () => state.own,
      otherMembers() {
        state.asked++
        return state.answer()
      },
      partitionCount: 4,
    },
    () => state.now,
  )
  return Object.assign(state, { owners })
}

const lab2 = (...partitions: number[]): GroupMember => {
  return { clientId: 'dfsp+lab2-4711', name: undefined, host: '10.0.0.2', partitions }
}

test('what is read here is known at once, who has the rest once the group has answered', async () => {
  const { owners } = group()
  assert.deepEqual(owners.view(), { own: [0, 1], total: 4, others: undefined })
  await owners.refresh()
  assert.deepEqual(owners.view().others, [{ member: 'lab2-4711', host: '10.0.0.2', partitions: [2, 3] }])
})

test('a partition that went is not ours from that moment on, and one that came is nobody else’s', async () => {
  const seen = group()
  await seen.owners.refresh()
  seen.own = [1, 2]
  const { own, others } = seen.owners.view()
  assert.deepEqual([own, others?.[0]?.partitions], [[1, 2], [3]])
})

test('the group is asked once in ten seconds however often one looks, more often while a partition is on its way', async () => {
  const seen = group()
  const lookUntil = async (end: number) => {
    for (; seen.now < end; seen.now += 250) {
      seen.owners.view()
      await turn()
    }
  }
  await lookUntil(30_000)
  assert.equal(seen.asked, 3)
  seen.own = [0]
  await lookUntil(40_000)
  assert.equal(seen.asked, 3 + 5)
  seen.answer = async () => [lab2(1, 2, 3)]
  await lookUntil(60_000)
  assert.equal(seen.asked, 3 + 5 + 2)
})

test('an answer that fails or does not come makes the others unknown, and nobody waits for it', async () => {
  const seen = group()
  await seen.owners.refresh()
  seen.answer = async () => undefined
  seen.now = 11_000
  await seen.owners.refresh()
  assert.equal(seen.owners.view().others, undefined)
  seen.answer = async () => [lab2(2, 3)]
  seen.now = 22_000
  await seen.owners.refresh()
  seen.answer = () => new Promise(() => {})
  seen.now = 33_000
  assert.ok(seen.owners.view().others)
  await seen.owners.refresh()
  seen.now = 53_000
  assert.equal(seen.owners.view().others, undefined)
  assert.deepEqual(seen.owners.view().own, [0, 1])
})
