import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expandVariables, translateProperty } from '../../../src/config/file/openmsistream.ts'

test('a value that begins with $ has its variables replaced', () => {
  const env = { PW: 's3cret', HOME: '/home/lab', EMPTY: '' }
  assert.deepEqual(expandVariables('$PW', env), { value: 's3cret' })
  assert.deepEqual(expandVariables(`$${'{HOME}'}/ca.pem`, env), { value: '/home/lab/ca.pem' })
  assert.deepEqual(expandVariables('$HOME/$PW', env), { value: '/home/lab/s3cret' })
  assert.deepEqual(expandVariables('$EMPTY', env), { value: '' })
})

test('other dollar signs are part of the value', () => {
  assert.deepEqual(expandVariables('a$PW', {}), { value: 'a$PW' })
  assert.deepEqual(expandVariables('$', {}), { value: '$' })
})

test('an unset variable is named', () => {
  assert.deepEqual(expandVariables('$LAB_PW', {}), { unset: 'LAB_PW' })
})

test('(de)serialisers are not for librdkafka', () => {
  for (const name of ['key.serializer', 'value.serializer', 'key.deserializer', 'value.deserializer']) {
    assert.deepEqual(translateProperty(name, 'DataFileChunkSerializer'), { dropped: undefined })
  }
})

test("Java's spellings become librdkafka's", () => {
  assert.deepEqual(translateProperty('batch.size', '5'), { name: 'batch.size', value: '5' })
  assert.deepEqual(translateProperty('fetch.max.wait.ms', '5'), { name: 'fetch.wait.max.ms', value: '5' })
  assert.deepEqual(translateProperty('buffer.memory', '33554432'), {
    name: 'queue.buffering.max.kbytes',
    value: '32768',
  })
  assert.deepEqual(
    translateProperty(
      'partition.assignment.strategy',
      'org.apache.kafka.clients.consumer.RangeAssignor, org.apache.kafka.clients.consumer.RoundRobinAssignor',
    ),
    { name: 'partition.assignment.strategy', value: 'range,roundrobin' },
  )
  assert.deepEqual(translateProperty('max.poll.records', '5'), { dropped: 'has no meaning in librdkafka' })
  assert.ok('refused' in translateProperty('sasl.jaas.config', 'x'))
})

test('dfsp commits itself: only a wish for automatic commits is remarked on', () => {
  assert.deepEqual(translateProperty('enable.auto.commit', 'False'), { dropped: undefined })
  assert.deepEqual(translateProperty('enable.auto.commit', 'True'), {
    dropped: 'is ignored: dfsp commits a file when it is done',
  })
})

test('where a group begins is earliest, latest or left out', () => {
  const reset = (value: string) => translateProperty('auto.offset.reset', value)
  assert.deepEqual(reset('none'), { dropped: undefined })
  assert.deepEqual(reset('smallest'), { name: 'auto.offset.reset', value: 'earliest' })
  assert.deepEqual(reset('Latest'), { name: 'auto.offset.reset', value: 'latest' })
  assert.ok('refused' in reset('error'))
})
