/** Files that are run again by reference, from a log in memory. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { OwnFolder } from '../../src/base/held-folder.ts'
import type { OffsetRange } from '../../src/core/offsets/offset-ranges.ts'
import { arena } from '../../src/files/arena.ts'
import { store } from '../../src/files/store.ts'
import type { FileJob, TaskResult } from '../../src/plugin/messages.ts'
import { type FileEnd, fetchedFiles } from '../../src/rerun/fetched-files.ts'
import type { FileToFetch } from '../../src/rerun/fetched-table.ts'
import { sharedReads } from '../../src/rerun/shared-reads.ts'
import { cut, DONE, failure, type Sent } from '../processor/world.ts'
import { sha512 } from '../support/files.ts'
import { DEFAULT_VALUES } from '../support/settings.ts'

interface Given {
  readonly log: readonly Buffer[]
  readonly memoryBytes?: number
  readonly plugin?: (job: FileJob) => TaskResult
}

async function ranAgain(t: TestContext, files: readonly FileToFetch[], { log, memoryBytes, plugin }: Given) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-fetched-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const jobs: FileJob[] = []
  const outcomes = new Map<FileToFetch, FileEnd>()
  let recordsRead = 0
  const fetched = fetchedFiles<FileToFetch>(
    {
      ...DEFAULT_VALUES,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      topic: 'xrd',
      group: 'g',
      breaker: 0,
      output: { path: folder, tmp: new OwnFolder(folder, folder) },
    },
    {
      runtime: {
        store: tmp =>
          store(
            arena(() => {}),
            tmp,
          ),
        host: {
          free: 2,
          recall() {},
          abort() {},
          shortage: undefined,
          digestAhead: () => false,
          forgetDigest() {},
          async run(task) {
            if (task.kind !== 'process') return DONE
            jobs.push(task.file)
            return plugin?.(task.file) ?? DONE
          },
        },
      },
      hooks: [],
      openRefetcher: () => ({
        async read(ranges, onRecord) {
          for (const { partition, from, to } of ranges)
            for (let offset = from; offset <= to; offset++) {
              recordsRead++
              const value = log[offset] ?? null
              await onRecord({ partition, offset, timestamp: 0, value }, () => ({ key: null, headers: [] }))
            }
          return { missing: [] }
        },
        extents: async () => new Map(),
        openTransactions: async () => [],
        offsetsAt: async () => new Map(),
        close: async () => {},
      }),
      onEnd: (file, outcome) => void outcomes.set(file, outcome),
      report() {},
      signal: new AbortController().signal,
      onBlocked: reason => assert.fail(reason),
    },
  )
  for (const group of sharedReads(files)) await fetched.feed(group)
  await fetched.finished()
  assert.ok(await fetched.close(1_000))
  return { jobs, outcomes, recordsRead }
}

/** Their first chunks, then their second ones, and so on; letters that say from where to where each lies. */
function mixed(all: readonly Sent[]): { log: Buffer[]; files: FileToFetch[] } {
  const most = Math.max(...all.map(({ values }) => values.length))
  const log = Array.from({ length: most }, (_, i) => all.flatMap(({ values }) => values[i] ?? [])).flat()
  return { log, files: all.map(sent => letterOf(sent, spanIn(log, sent))) }
}

function spanIn(log: readonly Buffer[], { values }: Sent): OffsetRange[] {
  const at = values.map(value => log.indexOf(value))
  return [{ partition: 0, from: Math.min(...at), to: Math.max(...at) }]
}

function letterOf(sent: Sent, ranges: OffsetRange[], attempts = 1): FileToFetch {
  const sha = sha512(sent.content).toString('hex')
  return { letter: { path: sent.path, chunks: sent.values.length, sha512: sha, attempts }, ranges }
}

const manyFiles = (n: number) =>
  Array.from({ length: n }, (_, i) => cut(`${i}.dat`, `content ${i}`.padEnd(12)))
const results = (outcomes: ReadonlyMap<FileToFetch, FileEnd>) =>
  [...outcomes.values()].map(({ result }) => result)

test('files that lie between each other are read once, however many they are', async t => {
  const { log, files } = mixed(manyFiles(200))
  const { outcomes, jobs, recordsRead } = await ranAgain(t, files, { log })
  assert.deepEqual(results(outcomes), Array(200).fill('ok'))
  assert.equal(jobs.length, 200)
  assert.equal(recordsRead, log.length)
})

test('where memory has no room for all of them, the rest is read in further passes; each runs once', async t => {
  const { log, files } = mixed(manyFiles(200))
  const { outcomes, jobs, recordsRead } = await ranAgain(t, files, { log, memoryBytes: 2_000_000 })
  assert.deepEqual(results(outcomes), Array(200).fill('ok'))
  assert.equal(new Set(jobs.map(job => job.path)).size, 200)
  assert.equal(jobs.length, 200)
  assert.ok(recordsRead > log.length && recordsRead < 8 * log.length, `${recordsRead} records`)
})

test('among files that are read together each has its own outcome', async t => {
  const [good, bad, part, gone] = manyFiles(4) as [Sent, Sent, Sent, Sent]
  const { log } = mixed([good, bad, { ...part, values: part.values.slice(1) }])
  const all = [{ partition: 0, from: 0, to: log.length - 1 }]
  const files = [good, bad, part, gone].map(sent => letterOf(sent, all))
  const plugin = ({ path: name }: FileJob) => (name === bad.path ? failure('no') : DONE)
  const { outcomes, jobs } = await ranAgain(t, files, { log, plugin })
  assert.deepEqual(
    files.map(file => outcomes.get(file)?.result),
    ['ok', 'failed', 'incomplete', 'incomplete'],
  )
  assert.match(outcomes.get(files[3] as FileToFetch)?.error ?? '', /^none of 3 chunks is there$/)
  assert.equal(jobs.length, 2)
})

test('contents of one path run one after the other, as they are given, and each gets its own outcome', async t => {
  const [a, b] = ['old', 'new'].map(text => cut('v.dat', `${text} content`)) as [Sent, Sent]
  const { log } = mixed([b, a])
  const files = [a, b].map(sent => letterOf(sent, spanIn(log, sent)))
  const { outcomes, jobs } = await ranAgain(t, files, { log })
  assert.deepEqual(
    jobs.map(job => job.sha512),
    files.map(({ letter }) => letter.sha512),
  )
  assert.deepEqual(results(outcomes), ['ok', 'ok'])
})

test('the plugin is told the attempts that a letter counts, and one more', async t => {
  const [x, y] = manyFiles(2) as [Sent, Sent]
  const { log } = mixed([x, y])
  const files = [letterOf(x, spanIn(log, x), 3), letterOf(y, spanIn(log, y), 0)]
  const { jobs } = await ranAgain(t, files, { log })
  assert.deepEqual(
    new Map(jobs.map(job => [job.path, job.attempt])),
    new Map([
      [x.path, 4],
      [y.path, 1],
    ]),
  )
})
