/** Copies of a chunk that are right by themselves and differ: the one that was sent last counts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sha512 } from '../support/files.ts'
import { cut, deferred, world } from './world.ts'

const FILE = cut('h.txt', 'aaaabbbbcccc')
const good = (index: number) => FILE.values[index - 1] as Buffer

/** A chunk of the file with other content, whose own digest is right. */
function other(index: number, text: string, offset = (index - 1) * 4): Buffer {
  const data = Buffer.from(text)
  const { values } = cut('h.txt', 'aaaabbbbcccc', {
    change: chunk => (chunk.index === index ? { data, chunkHash: sha512(data), offset } : {}),
  })
  return values[index - 1] as Buffer
}

const CASES: readonly (readonly [what: string, records: readonly Buffer[]])[] = [
  ['two wrong copies, then the right one', [good(1), other(2, 'XXXX'), other(2, 'YYYY'), good(3), good(2)]],
  ['a wrong copy, then the whole file again', [good(1), other(2, 'XXXX'), good(3), ...FILE.values]],
  ['a wrong last chunk, then the right one', [good(1), good(2), other(3, 'XXXX'), good(3)]],
  ['a copy of another length, then the whole file again', [good(1), other(2, 'XX'), good(3), ...FILE.values]],
  [
    'a copy at another place, then the whole file again',
    [good(1), other(2, 'XXXX', 0), good(3), ...FILE.values],
  ],
]

for (const [what, records] of CASES)
  test(`${what}: the file is processed once, with its content`, async t => {
    const w = world(t)
    await w.send(0, ...records)
    await w.clock.advance(1_000)
    await w.tick()
    await w.clock.advance(20_000)
    assert.deepEqual(
      w.calls.map(call => call.content),
      ['aaaabbbbcccc'],
    )
    assert.equal(w.processor.counts.mismatched, 0)
    assert.equal(w.committed.get(0), records.length)
  })

test('the whole file again heals one that was held before', async t => {
  const w = world(t)
  await w.send(0, good(1), other(2, 'XXXX'), good(3))
  await w.clock.advance(2_000)
  assert.equal(w.processor.counts.mismatched, 1)
  await w.send(0, ...FILE.values)
  await w.tick()
  await w.clock.advance(2_000)
  assert.deepEqual(
    w.calls.map(call => call.content),
    ['aaaabbbbcccc'],
  )
})

test('whatever copies come, it comes to an end, and is read again only a few times', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom('', 'XXXX', 'YYYY', 'Z')), {
        minLength: 1,
        maxLength: 16,
      }),
      async sent => {
        const w = world(t)
        let reads = 0
        w.onRefetch = async () => void reads++
        for (const [index, text] of sent) await w.send(0, text === '' ? good(index) : other(index, text))
        for (let i = 0; i < 20; i++) {
          await w.clock.advance(1_000)
          await w.tick()
        }
        assert.ok(reads <= 6, `${reads} reads`)
        assert.equal(w.processor.files.count('running') + w.processor.files.count('queued'), 0)
        for (const { content } of w.calls) assert.equal(content, 'aaaabbbbcccc')
      },
    ),
    { numRuns: 60 },
  )
})

test('of copies that come while the file is read again the last one in the log counts', async t => {
  const copy = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom('', 'XXXX', 'broken'))
  const asRecord = ([index, text]: readonly [number, string]) => {
    if (text === '') return good(index)
    if (text !== 'broken') return other(index, text)
    // What is wrong by its own digest counts for nothing.
    const change = () => ({ data: Buffer.from('????') })
    return cut('h.txt', 'aaaabbbbcccc', { change }).values[index - 1] as Buffer
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(copy, { maxLength: 5 }),
      fc.array(copy, { maxLength: 5 }),
      async (more, late) => {
        // Nothing is written, so that all of it has to be read again.
        const w = world(t, { settings: { mode: 'disk' } })
        w.failWrites = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
        const first = [1, 2, 3].map(index => [index, ''] as const)
        await w.send(0, ...[...first, ...more].map(asRecord))
        w.failWrites = undefined
        const answer = deferred<void>()
        w.onRefetch = () => answer.promise
        for (let i = 0; i < 12; i++) {
          await w.clock.advance(1_000)
          await w.tick()
        }
        await w.send(0, ...late.map(asRecord))
        answer.resolve()
        for (let i = 0; i < 5; i++) {
          await w.clock.advance(1_000)
          await w.tick()
        }
        const last = new Map([...first, ...more, ...late].filter(([, text]) => text !== 'broken'))
        for (const { content } of w.calls) assert.equal(content, 'aaaabbbbcccc')
        if ([...last.values()].every(text => text === '')) assert.equal(w.calls.length, 1)
      },
    ),
    { numRuns: 150 },
  )
})
