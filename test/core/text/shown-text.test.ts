import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HIDDEN, jsonLine, oneLine } from '../../../src/core/text/shown-text.ts'
import { outside } from '../outside.ts'

test('what is plain is shown as it is, in any language', () => {
  for (const text of ['a/scan 07.csv', '100 % "a" \\ b', 'Größe', '測定データ', 'قياس', '😀', ''])
    assert.equal(oneLine(text), text)
})

test('what ends lines, moves cursors, turns letters around or is not seen is shown by its number', () => {
  assert.equal(oneLine('a\nb\r\nc\td'), 'a ⏎ b ⏎ c d')
  assert.equal(oneLine('\u001b[2J\u009b1A\u0000'), '\\x1b[2J\\x9b1A\\x00')
  assert.equal(oneLine('gpj.\u202eexe'), 'gpj.\\u202eexe')
  assert.equal(oneLine('\u200b\u2028\ufeff\ud83d'), '\\u200b\\u2028\\ufeff\\ud83d')
  assert.equal(oneLine('\u{e0041}\u{e0100}'), '\\u{e0041}\\u{e0100}')
})

test('the set has controls, line ends, bidi, zero width, tags, variations, interlinear signs and half letters', () => {
  const ranges = [
    [0x00, 0x1f],
    [0x7f, 0x9f],
    [0xad, 0xad],
    [0x34f, 0x34f],
    [0x61c, 0x61c],
    [0x180b, 0x180f],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x206f],
    [0x3164, 0x3164],
    [0xd800, 0xdfff],
    [0xfe00, 0xfe0f],
    [0xfeff, 0xfeff],
    [0xfff9, 0xfffb],
    [0xe0000, 0xe01ef],
  ] as const
  for (const [first, last] of ranges)
    for (let code = first; code <= last; code++) {
      const letter = String.fromCodePoint(code)
      assert.ok(letter.match(HIDDEN), code.toString(16))
      assert.equal(JSON.parse(jsonLine(letter)), letter)
    }
})

test('any text is one line without hidden characters; shown twice it is the same', () => {
  fc.assert(
    fc.property(outside, text => {
      const shown = oneLine(text)
      assert.doesNotMatch(shown, new RegExp(HIDDEN, 'u'))
      assert.equal(oneLine(shown), shown)
    }),
  )
})

test('as JSON any text is whole, and one line without hidden characters', () => {
  fc.assert(
    fc.property(outside, outside, (name, text) => {
      const line = jsonLine({ [name]: [text] })
      assert.doesNotMatch(line, new RegExp(HIDDEN, 'u'))
      assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify({ [name]: [text] })))
    }),
  )
})
