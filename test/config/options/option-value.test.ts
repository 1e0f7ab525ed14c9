import assert from 'node:assert/strict'
import { test } from 'node:test'
import { optionText } from '../../../src/config/options/option-text.ts'
import { modernValue, parseOption } from '../../../src/config/options/option-value.ts'
import { OPTIONS, type OptionName, optionSpec } from '../../../src/config/options/options.ts'

function parse(name: OptionName, text: string): unknown {
  const parsed = parseOption(optionSpec(name), text)
  return 'value' in parsed ? parsed.value : parsed.problem
}

test('whole numbers are checked against their range', () => {
  assert.equal(parse('threads', '4'), 4)
  for (const text of ['four', '0', '257', '1.5', '', '4x', '0x4']) {
    assert.equal(parse('threads', text), `"${text}" is not a whole number (1-256)`)
  }
})

test('a size out of range is told in units', () => {
  assert.equal(parse('memory', '1MiB'), '"1MiB" is out of range (16MiB to 1TiB)')
})

test('a time of nothing is refused where it can only do harm, and one that no timer can wait for', () => {
  assert.equal(parse('timeout', '0s'), '"0s" is too short: at least 1ms')
  assert.equal(parse('interval', '0s'), '"0s" is too short: at least 100ms')
  assert.equal(parse('timeout', '597h'), '"597h" is too long: at most 596h')
  assert.equal(parse('stats', '0s'), 0)
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    const spec = optionSpec(name)
    if (spec.type !== 'duration' || spec.max === Number.POSITIVE_INFINITY) continue
    assert.ok(spec.max < 2 ** 31, name)
  }
})

test('a word that is no choice brings the choices and the nearest', () => {
  assert.equal(parse('on-error', 'skp'), '"skp" is none of hold, dlq, skip, stop: skip?')
  assert.equal(parse('on-incomplete', 'stop'), '"stop" is none of hold, dlq, skip')
})

test('booleans may be written in Python', () => {
  assert.equal(parse('until-end', 'True'), true)
  assert.equal(parse('until-end', '0'), false)
  assert.equal(parse('until-end', 'maybe'), '"maybe" is neither true nor false')
})

test('a start is a word or an ISO time', () => {
  assert.equal(parse('from', 'latest'), 'latest')
  assert.deepEqual(parse('from', '2026-11-24T15:00Z'), { time: Date.UTC(2026, 10, 24, 15) })
  assert.deepEqual(parse('from', '2026-11-24'), { time: Date.UTC(2026, 10, 24) })
  for (const text of [
    'yesterday',
    '2026',
    '2026-13-01',
    '2026-02-30',
    '2026-04-31T10:00Z',
    '24.11.2026',
    '5',
  ]) {
    assert.match(String(parse('from', text)), /is neither earliest, latest nor a time/)
  }
})

test('brokers are hosts, each with a port or none, as librdkafka reads them', () => {
  for (const text of [
    'lab1',
    'lab1:9092, lab2:9092',
    '10.0.0.1:9092,',
    '[::1]:9092',
    '::1',
    'SASL_SSL://lab1:9093',
  ])
    assert.equal(parse('brokers', text), text)
  for (const wrong of ['lab1:abc', 'lab1:', 'lab1:99999', 'lab 1:9092', '[::1', 'http://lab1/x'])
    assert.equal(parse('brokers', `lab0:9092,${wrong}`), `"${wrong}" is no HOST:PORT such as lab1:9092`)
  assert.equal(parse('brokers', ' , '), 'is empty')
})

test('a pattern that is none is refused', () => {
  assert.ok(parse('files', String.raw`\.csv$`) instanceof RegExp)
  assert.match(String(parse('files', '(')), /"\(" is no regular expression \(Unterminated group\)/)
  assert.match(String(parse('include', '*.csv')), /for a pattern such as \*\.csv write '\\\.csv\$'/)
})

test("OpenMSIStream's values become dfsp's", () => {
  assert.equal(modernValue('bytes', '524288'), '524288B')
  assert.equal(modernValue('bytes', '512KiB'), '512KiB')
  assert.equal(modernValue('seconds', '300'), '300s')
  assert.equal(modernValue('python-level', 'WARNING'), 'warn')
  assert.equal(modernValue('python-level', '10'), 'debug')
  assert.equal(new RegExp(modernValue('anchored', 'a|b')).test('xb'), false)
})

test('every default is valid, and its text is read back', () => {
  for (const [name, spec] of Object.entries(OPTIONS)) {
    if (!('default' in spec)) continue
    const first = parseOption(spec, String(spec.default))
    assert.ok('value' in first, name)
    assert.deepEqual(parseOption(spec, optionText(spec, first.value)), first, name)
  }
})
