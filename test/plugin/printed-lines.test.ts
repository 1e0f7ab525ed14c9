import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MOST_TOLD } from '../../src/core/text/shown-text.ts'
import { lineCutter } from '../../src/plugin/host/printed-lines.ts'

function linesOf(...texts: string[]): string[] {
  const lines: string[] = []
  const cutter = lineCutter(line => lines.push(line))
  for (const text of texts) cutter.add(text)
  cutter.end()
  return lines
}

test('a line ends with a line feed, a carriage return or both, wherever the text is cut; empty ones are left out', () => {
  assert.deepEqual(linesOf('a\nb\r\nc\rd', 'e\r', '\nf\n\n', 'g'), ['a', 'b', 'c', 'de', 'f', 'g'])
})

test('a progress bar is a line each time it is drawn, at once', () => {
  const lines: string[] = []
  const cutter = lineCutter(line => lines.push(line))
  cutter.add('10 %\r')
  cutter.add('20 %\r')
  assert.deepEqual(lines, ['10 %', '20 %'])
})

test('a long line comes in pieces that say that they go on', () => {
  const lines = linesOf('x'.repeat(2 * MOST_TOLD), 'yz\nshort')
  assert.deepEqual(lines, [`${'x'.repeat(MOST_TOLD)}…`, `${'x'.repeat(MOST_TOLD)}…`, 'yz', 'short'])
})

test('pieces cut no letter in half', () => {
  for (const line of linesOf(`a${'😀'.repeat(MOST_TOLD)}`)) assert.doesNotMatch(line, /\p{Cs}/u)
})

test('nothing is lost, and nothing waits beyond a piece', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r') })), texts => {
      const expected = texts.join('').split(/[\r\n]+/)
      assert.deepEqual(
        linesOf(...texts),
        expected.filter(line => line !== ''),
      )
    }),
  )
})

test('what is printed without an end costs as much as what is printed with one', () => {
  const cost = (end: string) => {
    let told = 0
    const cutter = lineCutter(line => {
      told += line.length
    })
    const text = `${'x'.repeat(1_023)}${end}`
    const started = process.cpuUsage()
    for (let i = 0; i < 50_000; i++) cutter.add(text)
    cutter.end()
    assert.ok(told >= 50_000 * 1_023)
    return process.cpuUsage(started).user / 1_000
  }
  const [withEnd, without] = [cost('\n'), Math.max(cost('x'), cost('\r'))]
  assert.ok(without < 10 * withEnd + 1_000, `${without} ms, ${withEnd} ms with line ends`)
})
