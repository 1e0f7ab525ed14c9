import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pauses } from '../../../src/kafka/consumer/pauses.ts'

/** A clock that is moved by hand, and what the client was told. */
function world() {
  const told: string[] = []
  let timer: { at: number; then: () => void } | undefined
  let now = 0
  const reading = pauses({
    stop: () => void told.push('pause'),
    start: () => void told.push('resume'),
    after(ms, then) {
      const own = { at: now + ms, then }
      timer = own
      return () => {
        if (timer === own) timer = undefined
      }
    },
  })
  return {
    reading,
    told,
    pass(ms: number) {
      now += ms
      if (timer === undefined || timer.at > now) return
      const { then } = timer
      timer = undefined
      then()
    },
  }
}

async function isOver(wait: Promise<void> | undefined): Promise<boolean> {
  return await Promise.race([
    wait?.then(() => true) ?? true,
    new Promise<boolean>(resolve => setImmediate(resolve, false)),
  ])
}

test('a short pause only asks for nothing: the client keeps what it has prefetched', async () => {
  const { reading, told, pass } = world()
  assert.equal(reading.wait(), undefined)
  reading.pause()
  const wait = reading.wait()
  pass(400)
  assert.equal(await isOver(wait), false)
  reading.resume()
  assert.equal(await isOver(wait), true)
  pass(10_000)
  assert.deepEqual(told, [])
  assert.equal(reading.wait(), undefined)
})

test('a pause that lasts pauses the client, which is asked on, so that the group keeps its member', async () => {
  const { reading, told, pass } = world()
  reading.pause()
  const wait = reading.wait()
  pass(600)
  assert.equal(await isOver(wait), true)
  assert.deepEqual(told, ['pause'])
  assert.equal(reading.isStopped, true)
  assert.equal(reading.wait(), undefined, 'it is asked on')
  reading.resume()
  assert.deepEqual(told, ['pause', 'resume'])
  assert.equal(reading.isStopped, false)
  reading.resume()
  assert.deepEqual(told, ['pause', 'resume'])
})

test('each pause is short anew', async () => {
  const { reading, told, pass } = world()
  for (let i = 0; i < 5; i++) {
    reading.pause()
    const wait = reading.wait()
    pass(300)
    reading.resume()
    assert.equal(await isOver(wait), true)
  }
  assert.deepEqual(told, [])
})

test('a wait ends with the reading, without word to the client', async () => {
  const { reading, told, pass } = world()
  reading.pause()
  const wait = reading.wait()
  reading.release()
  assert.equal(await isOver(wait), true)
  pass(10_000)
  assert.deepEqual(told, [])
})

test('a pause that is to last is told the client at once and ends a wait; a resume begins again', async () => {
  const { reading, told, pass } = world()
  reading.pause()
  const wait = reading.wait()
  reading.pauseForGood()
  assert.equal(await isOver(wait), true)
  assert.deepEqual([told, reading.isPaused, reading.isStopped], [['pause'], true, true])
  assert.equal(reading.wait(), undefined)
  reading.pauseForGood()
  pass(10_000)
  assert.deepEqual(told, ['pause'])
  reading.resume()
  assert.deepEqual([told, reading.isPaused, reading.isStopped], [['pause', 'resume'], false, false])
})
