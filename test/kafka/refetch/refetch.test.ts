/** Reading by reference, on the mock cluster: 4 partitions, each of which keeps its last 5 MiB. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { OffsetRange } from '../../../src/core/offsets/offset-ranges.ts'
import { openRefetcher, type Refetcher } from '../../../src/kafka/refetch/refetch.ts'
import { random } from '../../core/random.ts'
import { type MockCluster, startMock } from '../../support/mock.ts'

const RECORDS = 400
const live = new AbortController().signal

describe('refetch', () => {
  let mock: MockCluster
  let refetcher: Refetcher
  before(async () => {
    mock = await startMock()
    const records = Array.from({ length: 4 * RECORDS }, (_, i) => ({
      partition: i % 4,
      value: Buffer.from(`${i % 4}@${Math.floor(i / 4)}`),
    }))
    await mock.produceRaw('letters', records)
    refetcher = openRefetcher({ topic: 'letters', properties: { 'bootstrap.servers': mock.brokers } })
  })
  after(async () => {
    await refetcher.close()
    await mock.end()
  })

  async function read(ranges: readonly OffsetRange[], from = refetcher) {
    const seen: string[] = []
    const { missing } = await from.read(
      ranges,
      ({ partition, offset, value }) => {
        assert.equal(String(value), `${partition}@${offset}`)
        seen.push(String(value))
      },
      live,
    )
    return { seen, missing }
  }

  const names = (ranges: readonly OffsetRange[]) =>
    ranges.flatMap(({ partition, from, to }) =>
      Array.from({ length: to - from + 1 }, (_, i) => `${partition}@${from + i}`),
    )

  test('exactly the records of the ranges are handed over, in order within a partition', async () => {
    const ranges = [
      { partition: 2, from: 300, to: 310 },
      { partition: 0, from: 0, to: 3 },
      { partition: 2, from: 5, to: 5 },
      { partition: 2, from: 8, to: 12 },
      { partition: 3, from: RECORDS - 1, to: RECORDS - 1 },
    ]
    const { seen, missing } = await read(ranges)
    assert.deepEqual(missing, [])
    assert.deepEqual(seen.toSorted(), names(ranges).toSorted())
    assert.deepEqual(
      seen.filter(name => name.startsWith('2@')),
      names([
        { partition: 2, from: 5, to: 5 },
        { partition: 2, from: 8, to: 12 },
        { partition: 2, from: 300, to: 310 },
      ]),
    )
  })

  test('read after read, forward and back, up to the end and from it, nothing comes twice or from another read', async () => {
    const next = random(3)
    for (let i = 0; i < 25; i++) {
      const ranges = Array.from({ length: 4 }, (_, partition) => {
        const from = next(RECORDS)
        return { partition, from, to: Math.min(RECORDS - 1, from + next(60)) }
      })
      const { seen, missing } = await read(ranges)
      assert.deepEqual(missing, [])
      assert.deepEqual(seen.toSorted(), names(ranges).toSorted())
    }
  })

  test('reads that are asked for at once follow one another', async () => {
    const a = [{ partition: 1, from: 10, to: 40 }]
    const b = [{ partition: 1, from: 0, to: 20 }]
    const [first, second] = await Promise.all([read(a), read(b)])
    assert.deepEqual([first.seen, second.seen], [names(a), names(b)])
  })

  test('what lies beyond the end, and a partition that is not there, are missing and nothing waits for them', async () => {
    const { seen, missing } = await read([
      { partition: 1, from: RECORDS - 2, to: RECORDS + 5 },
      { partition: 9, from: 3, to: 4 },
      { partition: 0, from: 5_000, to: 6_000 },
    ])
    assert.deepEqual(seen, [`1@${RECORDS - 2}`, `1@${RECORDS - 1}`])
    assert.deepEqual(missing, [
      { partition: 0, from: 5_000, to: 6_000 },
      { partition: 1, from: RECORDS, to: RECORDS + 5 },
      { partition: 9, from: 3, to: 4 },
    ])
  })

  test('what retention has taken is missing, the rest comes', async () => {
    const big = (n: number) => ({
      partition: 0,
      value: Buffer.concat([Buffer.from(`${n}:`), Buffer.alloc(900_000)]),
    })
    for (let n = 0; n < 12; n++) await mock.produceRaw('short', [big(n)])
    const short = openRefetcher({ topic: 'short', properties: { 'bootstrap.servers': mock.brokers } })
    try {
      const offsets: number[] = []
      const { missing } = await short.read(
        [{ partition: 0, from: 2, to: 11 }],
        r => void offsets.push(r.offset),
        live,
      )
      const first = offsets[0] ?? 0
      assert.ok(first > 2, `offset ${first} is still there`)
      assert.deepEqual(missing, [{ partition: 0, from: 2, to: first - 1 }])
      assert.deepEqual(
        offsets,
        Array.from({ length: 12 - first }, (_, i) => first + i),
      )
    } finally {
      await short.close()
    }
  })

  test('nothing is handed over while a record is being taken', async () => {
    let taking = 0
    await refetcher.read(
      [{ partition: 0, from: 0, to: 20 }],
      async () => {
        assert.equal(++taking, 1)
        await new Promise(resolve => setImmediate(resolve))
        taking--
      },
      live,
    )
  })

  test('a signal ends a read with its reason, and the next one works', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    const ending = refetcher.read([{ partition: 0, from: 0, to: 399 }], () => stop.abort(reason), stop.signal)
    await assert.rejects(ending, reason)
    assert.deepEqual((await read([{ partition: 0, from: 7, to: 8 }])).seen, ['0@7', '0@8'])
  })

  test('a topic or broker that is not there is told in full', async () => {
    const nowhere = openRefetcher({
      topic: 'letters',
      properties: { 'bootstrap.servers': 'nowhere.invalid:1' },
    })
    await assert.rejects(read([{ partition: 0, from: 0, to: 0 }], nowhere), { code: 'E_BROKER_UNREACHABLE' })
    await nowhere.close()
  })
})
