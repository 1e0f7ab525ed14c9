import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAhead } from '../../src/processor/reading/read-ahead.ts'

const MIB = 1024 * 1024

/** Files that wait for a thread, a thread that may be free, and timers that run out when the test says so. */
function world() {
  const now = { files: 5, bytes: 20 * MIB, hasFreeThread: false }
  const timers = new Set<() => void>()
  const ahead = readAhead({
    files: {
      count: () => now.files,
      get queuedBytes() {
        return now.bytes
      },
    },
    hasFreeThread: () => now.hasFreeThread,
    after(_, then) {
      timers.add(then)
      return () => timers.delete(then)
    },
  })
  let isOver = false
  void ahead.wait()?.then(() => {
    isOver = true
  })
  const waits = async () => {
    await new Promise(resolve => setImmediate(resolve))
    return !isOver
  }
  return { now, ahead, timers, waits }
}

test('reading waits while much lies before busy threads, and goes on once that is less', async () => {
  const { now, ahead, timers, waits } = world()
  ahead.look()
  assert.ok(await waits())
  now.bytes = 15 * MIB
  ahead.look()
  assert.ok(!(await waits()))
  assert.equal(timers.size, 0)
})

test('reading goes on after a moment also when nothing gets less: others may wait for a chunk', async () => {
  const { timers, waits } = world()
  for (const runOut of timers) runOut()
  assert.ok(!(await waits()))
})

test('reading does not wait for little, for one large file, or while a thread has nothing to do', () => {
  const { now, ahead } = world()
  assert.notEqual(ahead.wait(), undefined)
  now.bytes = 15 * MIB
  assert.equal(ahead.wait(), undefined)
  Object.assign(now, { bytes: 900 * MIB, files: 1 })
  assert.equal(ahead.wait(), undefined)
  Object.assign(now, { files: 9, hasFreeThread: true })
  assert.equal(ahead.wait(), undefined)
})
