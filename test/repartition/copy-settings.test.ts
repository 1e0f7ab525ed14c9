import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsOfCopy, wrongSettings } from '../../src/repartition/copy-settings.ts'

const source = new Map([
  ['cleanup.policy', 'delete'],
  ['retention.ms', '86400000'],
  ['retention.bytes', '1000000000'],
  ['max.message.bytes', '1048588'],
  ['min.insync.replicas', '2'],
  ['message.timestamp.type', 'CreateTime'],
])
const named = (copy: Readonly<Record<string, string>>) =>
  wrongSettings(source, new Map([...settingsOfCopy(source), ...Object.entries(copy)])).map(({ name }) => name)

test('a copy keeps records as long as the topic, takes them with their header, and as safely', () => {
  assert.deepEqual(Object.fromEntries(settingsOfCopy(source)), {
    'cleanup.policy': 'delete',
    'retention.ms': '86400000',
    // Its partitions fill differently.
    'retention.bytes': '-1',
    'segment.bytes': '52428800',
    'max.message.bytes': '1052684',
    'message.timestamp.type': 'CreateTime',
    'min.insync.replicas': '2',
  })
  assert.deepEqual(named({}), [])
})

test('where the topic keeps records for ever, or goes by size alone, so does the copy', () => {
  const settings = settingsOfCopy(new Map([...source, ['retention.ms', '-1']]))
  assert.equal(settings.get('retention.ms'), '-1')
  assert.equal(settings.get('retention.bytes'), '1000000000')
})

test('a topic that loses chunks, forgets records earlier, or changes their times is no copy', () => {
  assert.deepEqual(named({ 'cleanup.policy': 'compact' }), ['cleanup.policy'])
  assert.deepEqual(named({ 'cleanup.policy': 'compact,delete' }), ['cleanup.policy'])
  assert.deepEqual(named({ 'retention.ms': '3600000' }), ['retention.ms'])
  assert.deepEqual(named({ 'retention.ms': '-1' }), [])
  assert.deepEqual(named({ 'retention.ms': '90000000' }), [])
  assert.deepEqual(named({ 'retention.bytes': '1000000000' }), ['retention.bytes'])
  assert.deepEqual(named({ 'max.message.bytes': '1048588' }), ['max.message.bytes'])
  assert.deepEqual(named({ 'message.timestamp.type': 'LogAppendTime' }), ['message.timestamp.type'])
})

test('what a broker does not tell is not wrong', () => {
  assert.deepEqual(wrongSettings(new Map(), new Map()), [])
})
