import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  findProperty,
  nearestProperty,
  PROPERTIES,
  propertyProblem,
  splitProperties,
} from '../../src/kafka/properties.ts'

function problem(name: string, text: string): string | undefined {
  assert.ok(findProperty(name), name)
  return propertyProblem(name, text)
}

test('each property has one row, and aliases lead to a property', () => {
  assert.equal(new Set(PROPERTIES.map(({ name }) => name)).size, PROPERTIES.length)
  for (const { name, aliasOf } of PROPERTIES) assert.ok(aliasOf === undefined || findProperty(aliasOf), name)
})

test('what only code can set is no property of a config file', () => {
  for (const name of [
    'rebalance_cb',
    'dr_msg_cb',
    'opaque',
    'ssl_engine_callback_data',
    'default_topic_conf',
  ]) {
    assert.equal(findProperty(name), undefined)
  }
})

test('the nearest name is found', () => {
  assert.equal(nearestProperty('fetch.min.byte'), 'fetch.min.bytes')
  assert.equal(nearestProperty('bootstrap.server'), 'bootstrap.servers')
  assert.equal(nearestProperty('colour'), undefined)
})

test('values are checked by kind and range', () => {
  assert.equal(problem('fetch.min.bytes', '1'), undefined)
  assert.equal(problem('fetch.min.bytes', '-1'), '-1 is out of range (0 to 2147483647)')
  assert.equal(problem('fetch.min.bytes', '1k'), '"1k" is not a whole number (0 to 2147483647)')
  assert.equal(problem('linger.ms', '0.5'), undefined)
  assert.equal(problem('socket.keepalive.enable', 'True'), undefined)
  assert.equal(problem('socket.keepalive.enable', 'yes'), '"yes" is neither true nor false')
  assert.equal(problem('security.protocol', 'SASL_SSL'), undefined)
  assert.equal(
    problem('security.protocol', 'tls'),
    '"tls" is none of plaintext, ssl, sasl_plaintext, sasl_ssl',
  )
  assert.equal(problem('acks', 'all'), undefined)
})

test('properties go into the argument where the client reads them, typed', () => {
  assert.deepEqual(
    splitProperties(
      {
        'bootstrap.servers': 'lab1:9092',
        'auto.offset.reset': 'earliest',
        'enable.auto.commit': 'False',
        'fetch.min.bytes': '0100000',
        'linger.ms': '5',
        acks: 'all',
      },
      'consumer',
    ),
    {
      global: { 'bootstrap.servers': 'lab1:9092', 'enable.auto.commit': false, 'fetch.min.bytes': 100000 },
      topic: { 'auto.offset.reset': 'earliest' },
    },
  )
  assert.deepEqual(splitProperties({ 'linger.ms': '0.5', acks: 'all', 'group.id': 'g' }, 'producer'), {
    global: { 'linger.ms': 0.5 },
    topic: { acks: -1 },
  })
})
