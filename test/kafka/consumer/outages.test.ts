import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { DfspError } from '../../../src/base/errors.ts'
import { clientOutages, notPassing } from '../../../src/kafka/consumer/outages.ts'
import { loginOf } from '../../../src/kafka/login.ts'

function heard() {
  const client = new EventEmitter()
  const login = loginOf({ 'bootstrap.servers': 'lab1:9092' })
  return { client, outages: clientOutages(client as Parameters<typeof clientOutages>[0], login) }
}

test('brokers are away from the moment the last connection breaks until something is answered', () => {
  const { client, outages } = heard()
  client.emit('event.log', { fac: 'FAIL', message: '[thrd:lab1:9092/1]: lab1:9092/1: Disconnected' })
  client.emit('event.error', { message: '1/1 brokers are down' })
  assert.equal(outages.away, undefined)
  client.emit('event.error', { message: 'all broker connections are down' })
  assert.match(outages.away ?? '', /^lab1:9092: all broker connections are down: lab1:9092: Disconnected$/)
  assert.equal(outages.isSilent, true)
  outages.answered()
  assert.deepEqual([outages.away, outages.isSilent], [undefined, false])
})

test('a login that is refused is no silence, and stays the reason while all connections break for it', () => {
  const { client, outages } = heard()
  client.emit('event.error', { message: 'Local: Authentication failure: SASL' })
  client.emit('event.error', { message: 'all broker connections are down' })
  assert.equal(outages.isSilent, false)
})

test('an answer to a question does not bring back records that the broker refuses', () => {
  const { outages } = heard()
  outages.fails('records', new DfspError('E_ACL', 'READ is not allowed'))
  outages.fails('offsets', new DfspError('E_KAFKA', 'no answer'))
  assert.deepEqual([outages.away, outages.isSilent], ['no answer', true])
  outages.answered()
  assert.deepEqual([outages.away, outages.isSilent], [undefined, false])
})

test('a refusal is waited with for 20 s, silence for a minute; then it says for how long', () => {
  const refused = new DfspError('E_ACL', 'READ is not allowed', { facts: ['by the broker'] })
  const silent = new DfspError('E_KAFKA', 'no answer')
  assert.equal(notPassing(refused, 19_999), undefined)
  assert.deepEqual(notPassing(refused, 20_000)?.facts.slice(0, 1), ['by the broker'])
  assert.equal(notPassing(silent, 59_999), undefined)
  assert.match(notPassing(silent, 61_000)?.facts.at(-1) ?? '', /has been for 61 s/)
})
