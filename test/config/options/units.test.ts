import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { durationText, parseDuration, parseSize, sizeText } from '../../../src/config/options/units.ts'

test('sizes need a unit and are whole bytes', () => {
  assert.deepEqual(parseSize('512MiB'), { value: 512 * 1024 * 1024 })
  assert.deepEqual(parseSize('1.5 GB'), { value: 1_500_000_000 })
  assert.deepEqual(parseSize('0B'), { value: 0 })
  assert.deepEqual(parseSize('512'), { problem: '"512" has no unit: 512MiB?' })
  assert.deepEqual(parseSize('1.5B'), { problem: '"1.5B" is no whole number of bytes' })
  for (const text of ['', '-1MiB', '1e3MiB', 'MiB', '1 2MiB', '1MiBs', '5G', '0x10B']) {
    assert.ok('problem' in parseSize(text), text)
  }
})

test('durations need units, in falling order', () => {
  assert.deepEqual(parseDuration('90s'), { value: 90_000 })
  assert.deepEqual(parseDuration('1h30m'), { value: 5_400_000 })
  assert.deepEqual(parseDuration('1.5s'), { value: 1500 })
  assert.deepEqual(parseDuration('250ms'), { value: 250 })
  assert.deepEqual(parseDuration('2d'), { value: 172_800_000 })
  assert.deepEqual(parseDuration('10'), { problem: '"10" has no unit: 10s?' })
  for (const text of ['', '-1s', '10min', '30m1h', '1h30', 's', '1s1s']) {
    assert.ok('problem' in parseDuration(text), text)
  }
})

test('what is written is read back', () => {
  const number = fc.nat({ max: 2 ** 50 })
  fc.assert(
    fc.property(number, n => {
      assert.deepEqual(parseSize(sizeText(n)), { value: n })
      assert.deepEqual(parseDuration(durationText(n)), { value: n })
    }),
  )
})
