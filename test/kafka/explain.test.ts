import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explain } from '../../src/kafka/explain.ts'
import { loginOf } from '../../src/kafka/login.ts'

const told = (code: number, message: string) =>
  explain(
    { code, message },
    { topic: 'xrd', login: loginOf({ 'bootstrap.servers': 'lab1:9092' }), doing: 'produce' },
  )

test('a time that the broker refuses names the clock of this machine', () => {
  const { message, next, exitCode } = told(32, 'Broker: Invalid timestamp')
  assert.match(message, new RegExp(`the clock of this machine says ${new Date().getFullYear()}-`))
  assert.match(next ?? '', /timedatectl.*message\.timestamp\.after\.max\.ms/)
  assert.equal(exitCode, 69)
})

test('a record that nobody took is no bare number', () => {
  const { code, message } = told(-192, 'Local: Message timed out')
  assert.equal(code, 'E_BROKER_UNREACHABLE')
  assert.match(message, /no broker took a record/)
})

test('a refusal to write asks for WRITE', () => {
  assert.match(told(29, 'Broker: Topic authorization failed').message, /^WRITE on topic xrd/)
})
