import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listText } from '../../../src/core/text/list-text.ts'

test('a list names the first, and how many more there are', () => {
  assert.equal(listText(['a', 'b']), 'a, b')
  assert.equal(listText(['a', 'b', 'c'], 3), 'a, b, c')
  assert.equal(listText([1, 2, 3, 4], 3), '1, 2, 3 and 1 more')
  assert.equal(listText([]), '')
})

test('a line stays a line, whatever the length of the list', () => {
  const text = listText(Array.from({ length: 200_000 }, (_, i) => i + 1))
  assert.match(text, /^1, 2, 3, .*, 20 and 199,980 more$/)
})
