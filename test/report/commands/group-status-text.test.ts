import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type GroupStatus,
  groupStatusJson,
  groupStatusText,
} from '../../../src/report/commands/group-status-text.ts'

const at = (partition: number, lag: number, member: GroupStatus['partitions'][number]['member']) => {
  return {
    partition,
    committed: 10 - lag,
    end: 10,
    lag,
    waiting: 0,
    member,
    oldestAt: undefined,
    note: undefined,
  }
}
const lab1 = { memberId: 'dfsp+lab1-7-xy', clientId: 'dfsp+lab1-7', host: '10.0.4.9' }
const alone: GroupStatus = {
  ...{ state: 'Stable', members: 1, sharing: [], partitions: [at(0, 4, lab1), at(1, 2, undefined)] },
  copyPartitions: undefined,
  ...{ lag: 6, processedAbove: 0, oldestAt: undefined, unfinished: [], undecodable: 0 },
  ...{ isPartial: false, unread: 0, retentionMs: undefined },
}
const shared: GroupStatus = {
  ...alone,
  members: 2,
  sharing: [
    { ...lab1, name: undefined, partitions: [0], lag: 4 },
    { memberId: 'b-zz', clientId: 'dfsp+lab2-8', host: '10.0.4.10', name: 'b', partitions: [], lag: 0 },
  ],
}
const title = { topic: 'xrd', group: 'g', now: 0 }

test('a group that shares its partitions has a line for each member, with its partitions and its lag', () => {
  const lines = groupStatusText(shared, title)
  assert.deepEqual(lines.slice(1), [
    'PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID     HOST      CLIENT-ID',
    '0          6               10              4    dfsp+lab1-7-xy  10.0.4.9  dfsp+lab1-7',
    '1          8               10              2    -               -         -',
    'MEMBER       HOST       NAME  LAG  PARTITIONS',
    'dfsp+lab1-7  10.0.4.9   -     4    0',
    'dfsp+lab2-8  10.0.4.10  b     0    -',
    'lag 6 records',
  ])
  const members = groupStatusJson(shared, title, { exceeded: [], exit: 0 })
    .map(line => JSON.parse(line))
    .filter(({ type }) => type === 'member')
  assert.deepEqual(
    members.map(({ clientId, name, partitions, lag }) => [clientId, name, partitions, lag]),
    [
      ['dfsp+lab1-7', null, [0], 4],
      ['dfsp+lab2-8', 'b', [], 0],
    ],
  )
})

test('one that has a process for itself has none', () => {
  assert.ok(!groupStatusText(alone, title).some(line => line.startsWith('MEMBER')))
  assert.ok(
    !groupStatusJson(alone, title, { exceeded: [], exit: 0 }).some(line => line.includes('"member","')),
  )
})

test('a group that makes a copy says what is to be copied', () => {
  const lines = groupStatusText({ ...alone, copyPartitions: 4 }, title)
  assert.equal(lines.at(-1), 'lag 6 records to be copied into 4 partitions')
})
