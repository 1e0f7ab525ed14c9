import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { decodeChunk } from '../../src/core/chunks/chunk-codec.ts'
import { fileId } from '../../src/core/chunks/generation.ts'
import { encodeCommitRecord, fileHash40 } from '../../src/core/offsets/commit-record.ts'
import { NO_LIMIT, unfinishedFiles } from '../../src/inspect/unfinished-files.ts'
import type { AssignedPartition } from '../../src/kafka/consumer/assignment.ts'
import type { Refetcher } from '../../src/kafka/refetch/refetch.ts'
import { realEdges } from '../../src/run/edges.ts'
import { recordsOf } from '../support/files.ts'

const live = new AbortController().signal
const values = (path: string) =>
  recordsOf({ path, content: randomBytes(3_000) }).map(({ value }) => value as Buffer)

/** A partition whose last commit says: [base, position) is resolved but for these offsets. */
function committed(
  partition: number,
  log: readonly unknown[],
  base: number,
  position: number,
  open: number[],
) {
  const runs: number[] = []
  for (let offset = base; offset < position; offset++) {
    const isOpen = open.includes(offset)
    if (runs.length % 2 === (isOpen ? 0 : 1)) runs.push(0)
    if (runs.length === 0) runs.push(0, 0)
    runs[runs.length - 1] = (runs.at(-1) as number) + 1
  }
  const record = encodeCommitRecord({
    base,
    position,
    runs,
    files: undefined,
    finished: [],
    attempts: new Map(),
  })
  return {
    partition,
    start: base,
    committed: base,
    metadata: record?.text,
    end: log.length,
    notice: undefined,
  }
}

function reading(logs: readonly (readonly Buffer[])[]) {
  const read: string[] = []
  return {
    read,
    refetcher: {
      async read(
        ranges: readonly { partition: number; from: number; to: number }[],
        onRecord: Parameters<Refetcher['read']>[1],
        signal: AbortSignal,
      ) {
        for (const { partition, from, to } of ranges)
          for (let offset = from; offset <= to; offset++) {
            signal.throwIfAborted()
            read.push(`${partition}@${offset}`)
            await onRecord(
              { partition, offset, timestamp: 0, value: logs[partition]?.[offset] ?? null },
              () => ({ key: null, headers: [] }),
            )
          }
        return { missing: [] }
      },
    },
  }
}

test('only what the last commit leaves open is told, with what is no chunk apart', async () => {
  const [a, b] = [values('a.dat'), values('b.dat')] as [Buffer[], Buffer[]]
  const log = [...b, ...a, Buffer.from('junk'), Buffer.from('junk')]
  const { refetcher, read } = reading([log])
  const found = await unfinishedFiles([committed(0, log, 3, 8, [3, 4, 5, 6])], refetcher, live)
  assert.ok(!read.includes('0@7'), 'what is resolved is not read')
  const chunk = decodeChunk(a[0] as Buffer)
  assert.ok(chunk.kind === 'chunk')
  assert.deepEqual(found, {
    files: [
      {
        id: fileId('a.dat', chunk),
        path: 'a.dat',
        chunks: 3,
        present: 3,
        bytes: 3_000,
        attempts: 0,
        ranges: [{ partition: 0, from: 3, to: 5 }],
        sentAt: 0,
        lastSentAt: 0,
        isCut: false,
      },
    ],
    records: 1,
    unresolved: 4,
    isPartial: false,
    unread: 0,
    goals: new Map([[0, 8]]),
  })
})

test('the rest of a file is looked for above what the commit speaks of, and no further', async () => {
  const [a, b, c] = [values('a.dat'), values('b.dat'), values('c.dat')] as [Buffer[], Buffer[], Buffer[]]
  const logs = [
    [...a.slice(0, 2), ...b],
    [b[0] as Buffer, a[2] as Buffer, ...c, ...c],
  ]
  const { refetcher, read } = reading(logs)
  const parts: AssignedPartition[] = [
    committed(0, logs[0] as Buffer[], 0, 2, [0, 1]),
    committed(1, logs[1] as Buffer[], 0, 0, []),
  ]
  const { files, goals } = await unfinishedFiles(parts, refetcher, live)
  assert.deepEqual(
    files.map(({ path, present, ranges }) => [path, present, ranges.length]),
    [['a.dat', 3, 2]],
  )
  assert.deepEqual(
    goals,
    new Map([
      [0, 2],
      [1, 2],
    ]),
  )
  assert.ok(!read.includes('1@3'), 'reading ends with the last chunk that is wanted')
})

test('no more records are looked at than are allowed, and it is told', async () => {
  const log = [...values('a.dat'), ...values('b.dat')]
  const { refetcher } = reading([log])
  const found = await unfinishedFiles([committed(0, log, 0, 6, [0, 1, 2, 3, 4, 5])], refetcher, live, {
    ...NO_LIMIT,
    records: 4,
  })
  assert.deepEqual(
    found.files.map(({ path, present }) => [path, present]),
    [
      ['a.dat', 3],
      ['b.dat', 1],
    ],
  )
  assert.deepEqual([found.unresolved, found.isPartial], [4, true])
})

test('a group without a commit of dfsp has nothing that is known to be unfinished', async () => {
  const log = values('a.dat')
  const { refetcher, read } = reading([log])
  const parts = [committed(0, log, 0, 3, [0, 1, 2])].map(part => ({ ...part, metadata: undefined }))
  assert.deepEqual((await unfinishedFiles(parts, refetcher, live)).files, [])
  assert.deepEqual(read, [])
})

test('a file that was finished is not told, although the commit still has to name it among the open ones', async () => {
  const log = values('a.dat')
  const chunk = decodeChunk(log[0] as Buffer)
  assert.ok(chunk.kind === 'chunk')
  const digest = realEdges.digest128(fileId('a.dat', chunk))
  const record = encodeCommitRecord({
    base: 0,
    position: 3,
    runs: undefined,
    files: { hashes: [fileHash40(digest)], offsets: [] },
    finished: [digest],
    attempts: new Map(),
  })
  const { refetcher } = reading([log])
  const partition = { ...committed(0, log, 0, 3, []), metadata: record?.text }
  assert.deepEqual((await unfinishedFiles([partition], refetcher, live)).files, [])
})

const told = async (parts: AssignedPartition[], logs: readonly (readonly Buffer[])[], beyond = 100) => {
  const { refetcher } = reading(logs)
  const { files, unread, goals } = await unfinishedFiles(parts, refetcher, live, { ...NO_LIMIT, beyond })
  const shown = files.map(({ path, present, chunks, isCut }) => [path, present, chunks, isCut])
  return { shown, unread, goals: [...goals.values()] }
}

test('files that lack chunks are found above what the commit speaks of, and in a group that has committed nothing', async () => {
  const log = [...values('a.dat'), ...values('part.dat').slice(0, 2), ...values('b.dat')]
  const expected = { shown: [['part.dat', 2, 3, false]], unread: 0 }
  const never = { ...committed(0, log, 0, 0, []), committed: undefined, metadata: undefined }
  assert.deepEqual(await told([never], [log]), { ...expected, goals: [0] })
  assert.deepEqual(await told([committed(0, log, 3, 3, [])], [log]), { ...expected, goals: [3] })
})

test('a backlog is not looked through for them, and that is told', async () => {
  const log = [...values('a.dat'), ...values('part.dat').slice(0, 2)]
  const { shown, unread } = await told([committed(0, log, 0, 0, [])], [log], 4)
  assert.deepEqual([shown, unread], [[], 5])
})

test('a file of which retention took chunks is told from one that was not sent to its end', async () => {
  const log = [...values('cut.dat'), ...values('part.dat').slice(0, 2)]
  const cut = { ...committed(0, log, 1, 5, [1, 2, 3, 4]), low: 1 }
  assert.deepEqual((await told([cut], [log])).shown, [
    ['cut.dat', 2, 3, true],
    ['part.dat', 2, 3, false],
  ])
})

test('reading ends when its time is up, whatever the topic holds back, and that is told', async () => {
  const log = values('a.dat')
  const { refetcher } = reading([log])
  const slow: typeof refetcher = {
    read: (_ranges, onRecord, signal) =>
      new Promise((_resolve, reject) => {
        const record = { partition: 0, offset: 0, timestamp: 0, value: log[0] as Buffer }
        onRecord(record, () => ({ key: null, headers: [] }))
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  }
  const limits = { ...NO_LIMIT, ms: 1_000 }
  const { files, isPartial } = await unfinishedFiles([committed(0, log, 0, 3, [0, 1, 2])], slow, live, limits)
  assert.deepEqual([files.map(({ path, present }) => [path, present]), isPartial], [[['a.dat', 1]], true])
})
