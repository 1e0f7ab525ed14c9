/** Which files of dead letters are superseded, from a topic in memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileLetter } from '../../src/core/dead-letter.ts'
import type { Received } from '../../src/rerun/letter-box.ts'
import { withNewer } from '../../src/rerun/newer-contents.ts'
import { letters, MOST_ROUNDS } from '../../src/rerun/retry-plan.ts'
import { cut, type Sent } from '../processor/world.ts'
import { sha512 } from '../support/files.ts'

const live = new AbortController().signal
const MAX = 10

/** One content after the other, of a chunk each; the letters are of those at the given places. */
async function planned(
  sent: readonly Sent[],
  given: readonly { readonly at: number; readonly rounds?: number }[],
  max = MAX,
  timeOf = (offset: number) => 1_000 + offset,
) {
  const found = letters([], undefined, max)
  for (const [offset, { at, rounds = 0 }] of given.entries()) {
    const { path, content, values } = sent[at] as Sent
    const letter: FileLetter = {
      kind: 'file',
      reason: 'failed',
      topic: 'xrd',
      path,
      sha512: sha512(content).toString('hex'),
      chunks: values.length,
      bytes: content.length,
      mtime: 0,
      attempts: 1,
      deliveryId: '0f'.repeat(16),
      error: 'no',
      group: 'g',
      rounds,
      ranges: [{ partition: 0, from: at, to: at }],
      exact: true,
    }
    const received: Received = {
      partition: 0,
      offset,
      receipt: { partition: 0, epoch: 1, seq: offset },
      letter,
    }
    found.add(received)
  }
  const log = sent.flatMap(({ values }) => values)
  const plan = await withNewer(
    found.plan(),
    () => ({
      async read(ranges, onRecord) {
        for (const { partition, from, to } of ranges)
          for (let offset = from; offset <= to; offset++)
            await onRecord(
              { partition, offset, timestamp: timeOf(offset), value: log[offset] ?? null },
              () => ({
                key: null,
                headers: [],
              }),
            )
        return { missing: [] }
      },
      extents: async () => new Map([[0, { low: 0, high: log.length }]]),
      openTransactions: async () => [],
      offsetsAt: async time => new Map([[0, Math.max(0, time - 1_000)]]),
      close: async () => {},
    }),
    live,
  )
  const places = (files: typeof plan.files) => files.map(({ ranges }) => ranges[0]?.from)
  return { files: places(plan.files), superseded: places(plan.superseded) }
}

const content = (text: string) => cut('v.dat', text)
const three = [content('old'), content('mid'), content('new')]

test('what is older than a content without a letter is superseded; contents with letters follow each other as they were sent', async () => {
  assert.deepEqual(await planned(three, [{ at: 1 }, { at: 0 }]), { files: [], superseded: [0, 1] })
  assert.deepEqual(await planned(three, [{ at: 2 }, { at: 0 }]), { files: [2], superseded: [0] })
  assert.deepEqual(await planned(three, [{ at: 2 }, { at: 1 }]), { files: [1, 2], superseded: [] })
})

test('a content that is left alone was not processed: it supersedes nothing, and what is newer than both does', async () => {
  const worn = { at: 1, rounds: MOST_ROUNDS }
  assert.deepEqual(await planned(three.slice(0, 2), [{ at: 0 }, worn]), { files: [0], superseded: [] })
  assert.deepEqual(await planned(three, [{ at: 0 }, worn]), { files: [], superseded: [0] })
})

test('nor does a content whose letter lies beyond --max', async () => {
  const two = three.slice(0, 2)
  assert.deepEqual(await planned(two, [{ at: 0 }, { at: 1 }], 1), { files: [0], superseded: [] })
})

test('the order in a partition counts, not the clock of who sent it', async () => {
  const behind = (offset: number) => 1_000 - offset
  const old = { at: 0 }
  assert.deepEqual(await planned(three.slice(0, 2), [old], MAX, behind), { files: [], superseded: [0] })
  const lettered = [{ at: 1 }, { at: 0 }]
  assert.deepEqual(await planned(three.slice(0, 2), lettered, MAX, behind), { files: [0, 1], superseded: [] })
})
