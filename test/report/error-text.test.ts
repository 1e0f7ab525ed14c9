import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import { errorJson, errorText } from '../../src/report/error-text.ts'

const error = new DfspError('E_TOPIC_MISSING', 'topic "xdr" does not exist', {
  facts: ['looked on lab1:9092'],
  next: 'did you mean "xrd"?',
})

test('an error says what failed, the facts, and what to try', () => {
  assert.equal(
    errorText(error, { debug: false }),
    'dfsp: topic "xdr" does not exist [E_TOPIC_MISSING]\n  looked on lab1:9092\nTry: did you mean "xrd"?\n',
  )
})

test('an error that knows nothing better to try names the page of its code', () => {
  assert.equal(
    errorText(new DfspError('E_KAFKA', 'odd'), { debug: false }),
    'dfsp: odd [E_KAFKA]\nTry: dfsp help E_KAFKA\n',
  )
})

test('an unexpected error is one line that asks for a report', () => {
  assert.equal(
    errorText(new TypeError('x is\n  not a function'), { debug: false }),
    'dfsp: internal error: x is not a function; please report it; --debug shows the stack [E_INTERNAL]\n',
  )
  assert.match(errorText('thrown text', { debug: false }), /^dfsp: internal error: thrown text;/)
})

test('stacks, with their causes, are for --debug', () => {
  const caused = new DfspError('E_CONFIG', 'outer', { cause: new Error('inner') })
  assert.match(
    errorText(caused, { debug: true }),
    /DfspError: outer\n {4}at [\s\S]*\ncaused by Error: inner\n {4}at /,
  )
})

test('as JSON it is one line with the same parts', () => {
  assert.deepEqual(JSON.parse(errorJson(error)), {
    v: 1,
    type: 'error',
    code: 'E_TOPIC_MISSING',
    message: 'topic "xdr" does not exist',
    facts: ['looked on lab1:9092'],
    next: 'did you mean "xrd"?',
    exit: 69,
  })
  assert.equal(JSON.parse(errorJson(new Error('x'))).exit, 1)
})
