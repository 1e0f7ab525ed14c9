import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fileId } from '../../src/core/chunks/generation.ts'
import type { StoredFile } from '../../src/files/store.ts'
import type { FileState, OpenFile } from '../../src/processor/table/open-file.ts'
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

test('numbers are given in the order of opening, and the hash is a part of the id', () => {
  const files = openFiles()
  const chunk = chunkOf()
  const open = (path: string) => files.open(0, { ...given(path), id: fileId(path, chunk) }, chunk)
  const [a, b] = [open('a'), open('b')]
  assert.ok(a.number < b.number)
  assert.equal(a.sha512, Buffer.from(chunk.fileHash).toString('hex'))
})

test('of files that were let go few are kept to be looked for by age', async () => {
  const files = openFiles()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const opened: WeakRef<OpenFile>[] = []
  for (let i = 0; i < 4_000; i++) {
    opened.push(new WeakRef(files.open(0, { ...given(`${i}`), stored }, chunkOf())))
    const oldest = files.byNumber.get(i - 1_000)
    if (oldest !== undefined) files.letGo(oldest)
    if (i % 200 !== 0) continue
    // What was referred to in this turn stays until the next.
    await setImmediate()
    collect()
    const alive = opened.filter(ref => ref.deref() !== undefined).length
    assert.ok(
      alive <= files.byNumber.size * 1.25 + 102,
      `${alive} are in memory, ${files.byNumber.size} in the table`,
    )
  }
})

test('the table takes about as much memory as it says', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const files = openFiles()
  const chunk = chunkOf({ index: 1, total: 2 })
  const used = () => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = used()
  for (let i = 0; i < 10_000; i++) {
    const path = `begun/${i}`
    const file = files.open(0, { ...given(path), id: fileId(path, chunk), stored: { ...stored } }, chunk)
    file.offsets.set(0, [i, i])
    files.received(file, { partition: 0, epoch: 1, seq: i })
    file.assembly.place(chunk)
  }
  const took = used() - before
  assert.ok(took < files.tableBytes * 1.1, `${took} bytes, ${files.tableBytes} are counted`)
  assert.equal(files.byKey.size, 10_000)
})

const stored = { place: 'memory' } as StoredFile
