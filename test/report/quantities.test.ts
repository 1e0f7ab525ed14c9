import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatClock, formatCount, formatMs } from '../../src/report/quantities.ts'

test('bytes have a unit of 1024 and three digits that matter', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [40_055_603, '38.2 MiB'],
    [150 * 1024, '150 KiB'],
    [2 ** 40 * 3, '3.0 TiB'],
    [2 ** 50 * 3, '3072 TiB'],
  ] as const)
    assert.equal(formatBytes(bytes), text)
  assert.equal(formatBytes(1536, ''), '1.5KiB')
})

test('a rounded number never reaches the next unit', () => {
  assert.equal(formatBytes(1024 * 1024 - 1), '1.0 MiB')
  assert.equal(formatBytes(1024 ** 3 - 1), '1.0 GiB')
})

test('a clock counts seconds, minutes, hours and days', () => {
  for (const [seconds, text] of [
    [0, '00:00:00'],
    [59.99, '00:00:59'],
    [130.4, '00:02:10'],
    [86_399, '23:59:59'],
    [86_400, '1d 00:00:00'],
    [10 * 86_400 + 3_661, '10d 01:01:01'],
  ] as const)
    assert.equal(formatClock(seconds), text)
})

test('a duration has the unit that people would use', () => {
  for (const [ms, text] of [
    [0, '0 ms'],
    [212.4, '212 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [2_100, '2.1 s'],
    [119_000, '119.0 s'],
    [240_000, '4 min'],
  ] as const)
    assert.equal(formatMs(ms), text)
})

test('counts have separators', () => {
  assert.equal(formatCount(1_204), '1,204')
  assert.equal(formatCount(7), '7')
})
