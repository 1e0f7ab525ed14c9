import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_BYTES } from '../../src/core/page-bytes.ts'
import { arena } from '../../src/files/arena.ts'

test('pages are given out once, and again only after they came back', () => {
  const memory = arena(() => {})
  const taken = Array.from({ length: 600 }, () => memory.take())
  assert.equal(new Set(taken).size, 600)
  assert.equal(memory.usedBytes, 600 * PAGE_BYTES)
  for (const page of taken) memory.give(page)
  assert.equal(memory.usedBytes, 0)
  const segments = memory.segments.length
  for (let i = 0; i < 600; i++) memory.take()
  assert.equal(memory.segments.length, segments, 'memory is used again')
})

test('each new segment is announced before a page of it is given out', () => {
  const announced: SharedArrayBuffer[] = []
  const memory = arena(segment => announced.push(segment))
  for (let i = 0; i < 600; i++) {
    const page = memory.take()
    const view = memory.page(page)
    assert.ok(announced.some(segment => segment === view.buffer))
  }
  assert.deepEqual(announced, memory.segments)
})

test('no page overlaps another', () => {
  const memory = arena(() => {})
  const pages = Array.from({ length: 300 }, () => memory.take())
  for (const page of pages) memory.write(page, 0, Buffer.alloc(PAGE_BYTES, page % 251), 0, PAGE_BYTES)
  for (const page of pages) assert.ok(memory.page(page).every(byte => byte === page % 251))
})

test('a part of the data is written at a place within the page', () => {
  const memory = arena(() => {})
  const page = memory.take()
  memory.page(page).fill(0)
  memory.write(page, PAGE_BYTES - 3, Buffer.from('abcdef'), 2, 5)
  assert.equal(memory.page(page).subarray(-4).toString('latin1'), '\0cde')
})
