/** A file that is digested while it is on its way: the same end, whatever became of the thread or of the bytes. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Place } from '../../src/files/store.ts'
import type { FileJob } from '../../src/plugin/messages.ts'
import { type OpenHost, openHost } from './hosts.ts'

const MIB = 1024 * 1024
const DONE = { kind: 'done' }
const CONTENT = Buffer.concat([Buffer.from('tell the file\n'), randomBytes(20 * MIB)])

/** Gives parts of the content ahead, each once the one before is digested; returns the job of the whole. */
async function ahead(
  { host, store }: OpenHost,
  { place = 'memory' as Place, ends = [4 * MIB, 5 * MIB, 17 * MIB], key = 7, content = CONTENT } = {},
): Promise<FileJob> {
  const stored = store.open(place)
  stored.write(0, content)
  let from = 0
  for (const to of ends) {
    while (!host.digestAhead(key, from, () => stored.part(from, to))) await new Promise(setImmediate)
    from = to
  }
  return {
    path: 'a/large.dat',
    topic: 'xrd',
    source: stored.source(content.length),
    sha512: createHash('sha512').update(content).digest('hex'),
    ahead: key,
    mtime: 0,
    deliveryId: 'd-1',
    attempt: 1,
    final: false,
    diskPath: null,
  }
}

for (const place of ['memory', 'spool', 'disk'] as const)
  test(`in ${place}: the rest alone is digested, and the file is processed`, async t => {
    const open = await openHost(t)
    const file = await ahead(open, { place })
    assert.deepEqual(await open.host.run({ kind: 'process', file }), DONE)
    // The whole digest, not the begun one alone, decides.
    const wrong = await ahead(open, { place, key: 8 })
    const other = createHash('sha512').update('other').digest('hex')
    const result = await open.host.run({ kind: 'process', file: { ...wrong, sha512: other } })
    assert.deepEqual(result, { kind: 'mismatch', actual: file.sha512 })
  })

test('bytes that had moved when they were digested ahead are digested where they lie now', async t => {
  const open = await openHost(t)
  const file = await ahead(open, { content: randomBytes(20 * MIB) })
  const moved = open.job(CONTENT, { ahead: 7 })
  assert.notEqual(moved.sha512, file.sha512)
  assert.deepEqual(await open.host.run({ kind: 'process', file: moved }), DONE)
})

test('a second attempt digests the whole', async t => {
  const open = await openHost(t)
  const file = await ahead(open)
  for (let i = 0; i < 2; i++) assert.deepEqual(await open.host.run({ kind: 'process', file }), DONE)
})

test('a thread digests one file ahead at a time, and a part that does not follow is refused', async t => {
  const open = await openHost(t)
  const { source } = open.job(CONTENT)
  const part = () => source
  assert.equal(open.host.digestAhead(1, 0, part), true)
  assert.equal(open.host.digestAhead(2, 0, part), false)
  assert.equal(open.host.digestAhead(2, CONTENT.length, part), false)
  open.host.forgetDigest(1)
  assert.equal(open.host.digestAhead(2, 0, part), true)
})

test('a busy thread is given none', async t => {
  const open = await openHost(t)
  const { source } = open.job(CONTENT)
  const running = open.run('tell the file')
  assert.equal(
    open.host.digestAhead(1, 0, () => source),
    false,
  )
  assert.deepEqual(await running, DONE)
})

test('of two idle threads the one that began a file is given it', async t => {
  const open = await openHost(t, { threads: 2 })
  for (let key = 1; key <= 4; key++) {
    const logged = open.logs.length
    const first = await ahead(open, { key, ends: [4 * MIB] })
    // The second idle thread begins another one.
    const second = await ahead(open, { key: 100 + key, ends: [4 * MIB] })
    const threads = []
    for (const file of [first, second]) {
      assert.deepEqual(await open.host.run({ kind: 'process', file }), DONE)
      threads.push(open.logs.at(-1)?.thread)
    }
    assert.equal(open.logs.length, logged + 2)
    assert.equal(new Set(threads).size, 2)
  }
})
