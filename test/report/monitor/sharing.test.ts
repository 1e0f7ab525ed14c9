import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memberName, type SharingView, sharingText } from '../../../src/report/monitor/sharing.ts'
import { statusBoard } from '../../../src/report/monitor/status.ts'
import { statusText } from '../../../src/report/monitor/status-text.ts'
import { identity, viewOf } from '../view.ts'

const lab2 = { member: 'lab2-4711', host: '10.0.0.2', partitions: [2, 3] }
const text = (changes: Partial<SharingView>, most = 3) =>
  sharingText({ own: [0, 1], total: 4, others: [lab2], ...changes }, most)

test('it says which partitions are read here and who has the others', () => {
  assert.equal(text({}), 'partitions 0-1 of 4 · lab2-4711: 2-3')
  assert.equal(text({ own: [0, 1, 2, 3], others: [] }), 'partitions 0-3 of 4')
  assert.equal(text({ own: [] }), 'no partition of 4 · lab2-4711: 2-3 · nobody yet: 2')
  assert.equal(text({ others: undefined }), 'partitions 0-1 of 4 · the others: unknown')
})

test('of long lists the beginning is named and the rest counted', () => {
  const others = [2, 3, 4, 5, 6].map(n => ({ member: `lab${n}`, host: '', partitions: [n] }))
  const own = [0, 8, 10, 12, 14]
  assert.equal(
    text({ own, total: 10, others }),
    'partitions 0, 8, 10 and 2 more of 10 · lab2: 2 · lab3: 3 · lab4: 4 · 2 more members',
  )
})

test('a member is called by its --member, or by host and process', () => {
  assert.equal(memberName('a', 'dfsp+lab2-4711'), 'a')
  assert.equal(memberName(undefined, 'dfsp+lab2-4711'), 'lab2-4711')
  assert.equal(memberName(undefined, 'mine+lab2-4711'), 'lab2-4711')
})

test('/status has who owns what where the topic is shared, and no word of it else', async () => {
  const status = async (sharing: SharingView | undefined) => {
    const board = statusBoard(identity, () => 0)
    board.attach(viewOf({ sharing: () => sharing }))
    return await board.status()
  }
  assert.deepEqual((await status({ own: [0, 1], total: 4, others: [lab2] })).shared, {
    ...{ partitions: 4, own: [0, 1] },
    others: [lab2],
  })
  assert.equal((await status({ own: [0, 1], total: 4, others: undefined })).shared?.others, null)
  assert.ok(!('shared' in (await status(undefined))))
})

test('the status in text has it, too', () => {
  const sharing = () => ({ own: [0, 1], total: 4, others: [lab2] })
  assert.ok(statusText(viewOf({ sharing })).includes('  shared: partitions 0-1 of 4 · lab2-4711: 2-3'))
  assert.ok(!statusText(viewOf()).some(line => line.includes('shared')))
})
