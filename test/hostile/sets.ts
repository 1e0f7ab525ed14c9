/** Sets of records that are made to be expensive: what a writer to the topic can send, a few MB of it each. */
import { type ChunkFields, encoded, onlyChunk, sha512 } from '../support/files.ts'
import type { RawRecord } from '../support/topics.ts'

export interface HostileSet {
  readonly name: string
  /** How many of what it is made of; the set is measured at `n` and at four times as many. */
  readonly n: number
  records(n: number): RawRecord[]
  /** Arguments of `dfsp run` beside those that each one has. */
  readonly args?: readonly string[]
  /** The output folder is a full disk. */
  readonly fullDisk?: true
  /** Other commands that read the same records: the arguments after the topic. */
  readonly alsoBy?: readonly (readonly string[])[]
}

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))

function record(path: string, given: Partial<ChunkFields> = {}): RawRecord {
  const chunk = onlyChunk(path, given)
  return { value: encoded(chunk), partition: chunk.index % 2 }
}

/** All chunks of one file of `n` bytes, a byte each. */
function tiny(
  path: string,
  n: number,
  change: (i: number) => Partial<ChunkFields> = () => ({}),
): RawRecord[] {
  const content = Buffer.alloc(n, 'x')
  const fileHash = sha512(content)
  return times(n, i => record(path, { fileHash, offset: i, index: i + 1, total: n, ...change(i) }))
}

/** A path of some 3,800 bytes. */
const longPath = (i: number) => `${times(15, () => 'p'.repeat(250)).join('/')}/${i}`
const begun = { total: 2, fileHash: sha512(Buffer.from('begun')) }
const junk = (i: number) => ({ value: Buffer.from(`junk ${i}`.repeat(20)), partition: i % 2 })

export const SETS: readonly HostileSet[] = [
  {
    name: 'contents of one path, half of them unfinished',
    n: 2_500,
    records: n =>
      times(n, i => [
        record('v.bin', { fileHash: sha512(Buffer.from(`open ${i}`)), total: 2 }),
        record('v.bin', { data: Buffer.from(`whole ${i}`) }),
      ]).flat(),
    alsoBy: [['ls'], ['ls', 'v*'], ['get', '**']],
  },
  {
    name: 'contents of one growing file',
    n: 5_000,
    records: n => times(n, i => record('v.bin', { data: Buffer.from(`whole ${i}`) })),
  },
  {
    name: 'contents of one path that all fail',
    n: 5_000,
    records: n => times(n, i => record('fail/v.bin', { data: Buffer.from(`whole ${i}`) })),
    args: ['--breaker', '0', '--retries', '0'],
  },
  {
    name: 'one file of tiny chunks',
    n: 10_000,
    records: n => tiny('f', n),
    alsoBy: [
      ['ls', '--long'],
      ['get', '**'],
    ],
  },
  {
    name: 'tiny chunks, backwards',
    n: 10_000,
    records: n => tiny('f', n).reverse(),
  },
  {
    name: 'tiny chunks that contradict their hashes',
    n: 50_000,
    records: n =>
      tiny('f', n, i => ({
        chunkHash: sha512(Buffer.from(`wrong ${i}`)),
        fileHash: sha512(Buffer.from('wrong')),
      })),
    alsoBy: [['ls'], ['get', '**']],
  },
  {
    name: 'a file that is not what it announces, and copies of all its chunks',
    n: 25_000,
    records: n => {
      const wrong = sha512(Buffer.from('wrong'))
      return times(2, () => tiny('f', n, () => ({ fileHash: wrong }))).flat()
    },
  },
  {
    name: 'chunks that all lie at one place',
    n: 10_000,
    records: n => tiny('f', n, () => ({ offset: 0 })),
  },
  {
    name: 'copies of one chunk',
    n: 10_000,
    records: n => times(n, () => record('f', begun)),
    alsoBy: [['ls', '--long']],
  },
  {
    name: 'files that are begun and not completed',
    n: 10_000,
    records: n => times(n, i => record(`begun/${i}`, begun)),
    alsoBy: [['ls'], ['get', '**']],
  },
  {
    name: 'the same with a small budget',
    n: 10_000,
    records: n => times(n, i => record(`begun/${i}`, begun)),
    args: ['--memory', '16MiB'],
  },
  {
    name: 'a hundred thousand of them',
    n: 25_000,
    records: n => times(n, i => record(`begun/${i}`, begun)),
    args: ['--memory', '64MiB'],
  },
  {
    name: 'the same with paths of 3,800 bytes',
    n: 2_500,
    records: n => times(n, i => record(longPath(i), begun)),
    args: ['--memory', '16MiB'],
    alsoBy: [['ls'], ['get', '*a*a*a*a*a*b']],
  },
  {
    name: 'files that say they are huge',
    n: 2_500,
    records: n => times(n, i => record(`huge/${i}`, { ...begun, total: 2 ** 31 - 1 })),
  },
  {
    name: 'files that lie far behind their beginning',
    n: 2_500,
    records: n => times(n, i => record(`sparse/${i}`, { ...begun, offset: 2 ** 40 })),
    args: ['--memory', '16MiB'],
  },
  {
    name: 'files begun on a full disk',
    n: 5_000,
    records: n => times(n, i => record(`begun/${i}`, begun)),
    args: ['--memory', '16MiB'],
    fullDisk: true,
  },
  {
    name: 'whole files on a full disk',
    n: 2_500,
    records: n => times(n, i => record(`whole/${i}`)),
    args: ['--memory', '16MiB', '--max-time', '15s'],
    fullDisk: true,
  },
  {
    name: 'files whose hash is wrong',
    n: 2_500,
    records: n => times(n, i => record(`wrong/${i}`, { fileHash: sha512(Buffer.from(`wrong ${i}`)) })),
  },
  {
    name: 'files with long errors',
    n: 1_000,
    records: n => times(n, i => record(`error/${i}`)),
    args: ['--breaker', '0', '--retries', '0'],
  },
  {
    name: 'files that print much',
    n: 500,
    records: n => times(n, i => record(`print/${i}`)),
  },
  {
    name: 'deep folders',
    n: 1_000,
    records: n => times(n, i => record(`${'d/'.repeat(1_800)}${i}`)),
    alsoBy: [['ls'], ['ls', '**/d/**/d/**/d/**/e']],
  },
  {
    name: 'small whole files of one content',
    n: 5_000,
    records: n => times(n, i => record(`small/${i}`)),
    alsoBy: [['ls'], ['get', '**']],
  },
  {
    name: 'a hundred thousand small whole files',
    n: 25_000,
    records: n => times(n, i => record(`small/${i}`)),
    args: ['--memory', '64MiB'],
  },
  {
    name: 'files whose chunks lie between those of all others',
    n: 1_000,
    records: n => {
      const bytes = (i: number) => Buffer.from(`whole${i}`.padStart(15, '.'))
      const part = (i: number, at: number) => bytes(i).subarray(3 * at, 3 * at + 3)
      return times(5, at =>
        times(n, i => {
          const data = part(i, at)
          const place = { index: at + 1, total: 5, offset: 3 * at }
          return record(`mixed/${i}`, { fileHash: sha512(bytes(i)), data, chunkHash: sha512(data), ...place })
        }),
      ).flat()
    },
    alsoBy: [
      ['get', '**'],
      ['get', 'mixed/*7'],
    ],
  },
  { name: 'records that are no chunk', n: 10_000, records: n => times(n, junk), alsoBy: [['ls']] },
  {
    name: 'files and junk in turn, of which one pins the offset',
    n: 5_000,
    records: n => times(n, i => (i % 2 === 0 ? record(`small/${i}`) : junk(i))),
  },
]
