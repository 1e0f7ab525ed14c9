import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupId } from '../../../src/config/file/group.ts'

const names = { plugin: 'plot', topic: 'xrd' }

test('the group is the given one, a fresh one on demand, else it follows from plugin and topic', () => {
  assert.equal(
    groupId('mine', names, () => 'f'),
    'mine',
  )
  assert.equal(
    groupId(undefined, names, () => 'f'),
    'dfsp.plot.xrd',
  )
  assert.equal(
    groupId('create_new', names, () => 'f'),
    'dfsp.plot.xrd.f',
  )
})
