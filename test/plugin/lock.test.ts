import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fifoLock } from '../../src/plugin/host/lock.ts'

type Grant = [thread: number, request: number]

function lock() {
  const grants: Grant[] = []
  return { grants, lock: fifoLock((thread, request) => grants.push([thread, request])) }
}

test('the lock is granted in the order of the requests', () => {
  const { grants, lock: l } = lock()
  l.request(1, 1)
  l.request(2, 1)
  l.request(1, 2)
  assert.deepEqual(grants, [[1, 1]])
  l.release(1, 1)
  l.release(2, 1)
  assert.deepEqual(grants, [
    [1, 1],
    [2, 1],
    [1, 2],
  ])
})

test('a release by anyone but the holder frees nothing', () => {
  const { grants, lock: l } = lock()
  l.request(1, 1)
  l.request(2, 7)
  l.release(2, 7)
  l.release(1, 9)
  l.release(3, 1)
  assert.deepEqual(grants, [[1, 1]])
})

test('when its holder dies the lock is freed', () => {
  const { grants, lock: l } = lock()
  l.request(1, 1)
  l.request(1, 2)
  l.request(2, 1)
  l.forget(1)
  assert.deepEqual(grants, [
    [1, 1],
    [2, 1],
  ])
})

test('a thread that waits and dies is passed over', () => {
  const { grants, lock: l } = lock()
  for (const thread of [1, 2, 3]) l.request(thread, 1)
  l.forget(2)
  l.release(1, 1)
  assert.deepEqual(grants, [
    [1, 1],
    [3, 1],
  ])
})

test('whatever happens, one at most holds it, in order, and nobody alive waits for ever', () => {
  const op = fc.record({
    what: fc.constantFrom('request', 'request', 'release', 'forget'),
    thread: fc.nat({ max: 3 }),
  })
  fc.assert(
    fc.property(fc.array(op, { maxLength: 80 }), ops => {
      const { grants, lock: l } = lock()
      let waiting: Grant[] = [] // the head holds it
      let requests = 0
      for (const { what, thread } of ops) {
        const [holder] = waiting
        if (what === 'request') {
          waiting.push([thread, ++requests])
          l.request(thread, requests)
        } else if (what === 'release' && holder) {
          waiting.shift()
          l.release(...holder)
        } else if (what === 'forget') {
          waiting = waiting.filter(([t]) => t !== thread)
          l.forget(thread)
        }
        if (waiting[0]) assert.deepEqual(grants.at(-1), waiting[0])
        assert.equal(new Set(grants.map(([, request]) => request)).size, grants.length, 'no request twice')
      }
    }),
    { numRuns: 500 },
  )
})
