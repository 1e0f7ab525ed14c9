import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredFile } from '../../src/files/store.ts'
import type { FileState } from '../../src/processor/table/open-file.ts'
import { openFiles } from '../../src/processor/table/open-files.ts'
import { chunkOf } from '../core/messages.ts'

function given(path: string) {
  const stored = {} as StoredFile
  return { id: path, digest: 'abcdefghijklmnop', path, stored, attempts: 0, lastProgress: 0 }
}

function opened() {
  const files = openFiles()
  return { files, file: files.open(0, given('a/f'), chunkOf()) }
}

test('a file goes from state to state, is counted in each, and leaves the table at the end', () => {
  const { files, file } = opened()
  const way: FileState[] = ['queued', 'running', 'waiting', 'queued', 'running', 'held', 'closed']
  assert.equal(file.state, 'assembling')
  for (const state of way) {
    files.move(file, state)
    assert.equal(file.state, state)
    assert.equal(files.count(state), 1)
    assert.equal(files.count('assembling'), 0)
  }
  assert.equal(files.byKey.size, 0)
})

test('a way that no file may go is refused', () => {
  for (const [way, wrong] of [
    [[], 'running'],
    [['parked'], 'leaving'],
    [['leaving'], 'queued'],
    [['queued'], 'held'],
    [['queued', 'running', 'held'], 'queued'],
    [['closed'], 'assembling'],
    [['closed'], 'closed'],
  ] as const) {
    const { files, file } = opened()
    for (const state of way) files.move(file, state)
    assert.throws(() => files.move(file, wrong), /a\/f cannot go from/)
  }
})

test('numbers are given in the order of opening, and the hash is a copy', () => {
  const files = openFiles()
  const chunk = chunkOf()
  const [a, b] = [files.open(0, given('a'), chunk), files.open(0, given('b'), chunk)]
  assert.ok(a.number < b.number)
  assert.equal(a.sha512, Buffer.from(chunk.fileHash).toString('hex'))
})
