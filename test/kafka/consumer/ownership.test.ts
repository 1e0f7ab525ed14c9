import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERR } from '../../../src/kafka/client-error.ts'
import type { Assigner, PartitionPlace } from '../../../src/kafka/consumer/assigner.ts'
import { callGate } from '../../../src/kafka/consumer/call-gate.ts'
import { ownedPartitions } from '../../../src/kafka/consumer/owned.ts'
import { ownership } from '../../../src/kafka/consumer/ownership.ts'

/** A member of a group in a topic of partitions 0 and 1, and what client and handlers were told, in order. */
function member(isCooperative: boolean, shared = false) {
  const told: string[] = []
  const owned = ownedPartitions()
  const text = (places: Iterable<number | PartitionPlace>) =>
    [...places]
      .map(each => (typeof each === 'number' ? `${each}` : `${each.partition}@${each.offset ?? ''}`))
      .join(' ')
  let finish = () => {}
  let closing = false
  const at = { lost: false, refuses: false, offsets: [5, 7], asked: [] as string[] }
  const assign: Assigner = {
    isCooperative,
    get isLost() {
      return at.lost
    },
    accept(places) {
      if (at.refuses) throw new Error('Local: Erroneous state')
      told.push(`assign ${text(places)}`)
    },
    giveUp: partitions => void told.push(`unassign ${text(partitions)}`),
    pause: partitions => void told.push(`pause ${text(partitions)}`),
    resume: partitions => void told.push(`resume ${text(partitions)}`),
    seek: async place => void told.push(`seek ${text([place])}`),
  }
  const changes = ownership({
    topic: 'xrd',
    shared,
    owned,
    assign,
    gate: callGate(),
    async partitions() {
      at.asked.push('partitions')
      return [0, 1]
    },
    async starts(list) {
      at.asked.push(`starts of ${list.join(' ')}`)
      return list.map(partition => ({
        partition,
        start: at.offsets[partition] as number,
        end: 9,
        committed: undefined,
        metadata: undefined,
        notice: undefined,
      }))
    },
    onAssign: list => void told.push(`begin ${list.map(p => p.partition).join(' ')}`),
    onRevoke: (list, lost) => {
      told.push(`${lost ? 'lose' : 'drain'} ${list.join(' ')}`)
      return new Promise(resolve => {
        finish = resolve
      })
    },
    onLost: () => void told.push('given up'),
    waitForRest: async () => void told.push('wait'),
    onRetry: error => assert.fail(String(error)),
    onFailed: error => assert.fail(String(error)),
    isStopped: () => false,
    isClosing: () => closing,
    now: () => 0,
  })
  const rebalance = (code: number, list: readonly number[]) =>
    changes.rebalance(
      { code, message: '' },
      list.map(partition => ({ topic: 'xrd', partition })),
    )
  const settled = () => new Promise(resolve => setImmediate(resolve))
  return {
    owned,
    changes,
    at,
    settled,
    assign: (...list: number[]) => rebalance(ERR.ASSIGN_PARTITIONS, list),
    revoke: (...list: number[]) => rebalance(ERR.ASSIGN_PARTITIONS + 1, list),
    finish: () => finish(),
    close() {
      closing = true
    },
    told: () => told.splice(0),
  }
}

test('some of the partitions are taken, paused, and waited with; with the last one all begin at once', async () => {
  const { assign, settled, told, owned } = member(true)
  assign(1)
  await settled()
  assert.deepEqual(told(), ['assign 1@', 'pause 1', 'wait'])
  assert.equal(owned.positions.size, 0)
  assign(0)
  await settled()
  assert.deepEqual(told(), ['seek 1@7', 'begin 0 1', 'assign 0@5', 'resume 0 1'])
  assert.equal(owned.isAnyRead, true)
})

test('where partitions are shared each begins and ends by itself, while the others are read on', async () => {
  const { assign, revoke, finish, settled, told, owned } = member(true, true)
  assign()
  await settled()
  assert.deepEqual(told(), ['begin ', 'assign ', 'resume '])
  assign(1)
  await settled()
  assert.deepEqual(told(), ['begin 1', 'assign 1@7', 'resume 1'])
  assign(0)
  await settled()
  assert.deepEqual(told(), ['begin 0', 'assign 0@5', 'resume 0'])
  revoke(1)
  assert.equal(owned.readSince(owned.turn, 1), undefined)
  assert.equal(owned.readSince(owned.turn, 0)?.next, 5)
  await settled()
  assert.deepEqual(told(), ['pause 1', 'drain 1'])
  assert.equal(owned.mayCommit(1), true)
  finish()
  await settled()
  assert.deepEqual(told(), ['unassign 1'])
  assert.deepEqual([owned.mayCommit(1), owned.mayCommit(0)], [false, true])
  assert.equal(owned.readSince(owned.turn, 0)?.next, 5)
})

test('where partitions are shared an assignment of none is answered without a question about partitions', async () => {
  const { assign, settled, told, at } = member(true, true)
  assign()
  await settled()
  assert.deepEqual(told(), ['begin ', 'assign ', 'resume '])
  assert.deepEqual(at.asked, ['partitions'])
  assign(1)
  await settled()
  assert.deepEqual(at.asked, ['partitions', 'starts of 1'])
})

test('a partition that is to go drains all of them, from the moment that is known, before it is given up', async () => {
  const { assign, revoke, finish, settled, told, owned } = member(true)
  assign(0, 1)
  await settled()
  told()
  revoke(1)
  assert.equal(owned.isAnyRead, false)
  await settled()
  assert.deepEqual(told(), ['pause 0 1', 'drain 0 1'])
  finish()
  await settled()
  assert.deepEqual(told(), ['unassign 1', 'wait'])
  assert.equal(owned.positions.size, 0)
})

test('what belongs to somebody else already is told as lost', async () => {
  const { assign, revoke, settled, told, at } = member(false)
  assign(0, 1)
  await settled()
  told()
  at.lost = true
  revoke(0, 1)
  await settled()
  assert.deepEqual(told(), ['given up', 'pause 0 1', 'lose 0 1'])
})

test('a restart loses what is owned and begins again where the offsets say then', async () => {
  const { assign, changes, finish, settled, told, at, owned } = member(false)
  assign(0, 1)
  await settled()
  told()
  at.offsets = [0, 0]
  changes.restart(true)
  assert.equal(owned.mayCommit(0), false)
  await settled()
  finish()
  await settled()
  assert.deepEqual(told(), ['pause 0 1', 'lose 0 1', 'seek 0@0', 'seek 1@0', 'begin 0 1', 'resume 0 1'])
  assert.equal(owned.mayCommit(0), true)
})

test('a partition is read again only where nothing came of it meanwhile', async () => {
  const { assign, changes, settled, told, owned } = member(false)
  assign(0, 1)
  await settled()
  told()
  changes.reread(0, 4, 4)
  await settled()
  assert.deepEqual(told(), [])
  changes.reread(0, 5, 6)
  await settled()
  assert.deepEqual(told(), ['seek 0@6', 'resume 0'])
  assert.equal(owned.positions.get(0)?.next, 6)
})

test('while it closes partitions are taken and given up at once', async () => {
  const { assign, revoke, close, settled, told } = member(false)
  assign(0, 1)
  await settled()
  told()
  close()
  revoke(0, 1)
  assert.deepEqual(told(), ['unassign 0 1'])
})

test('an assignment that comes while the client disconnects, which takes none any more, is declined', () => {
  const { assign, close, at, told } = member(true)
  close()
  at.refuses = true
  assign(0, 1)
  assert.deepEqual(told(), ['unassign 0 1'])
})
