/** What a finite run leaves behind, and what retention takes of it: told by each command that looks, on a real broker. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { runCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, deleteRecords, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

const RESEND = /retention deleted the others: it can only be sent again/

describe('unfinished files', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  const file = (path: string, partition?: number) =>
    recordsOf({ path, content: randomBytes(5_000) }, partition)
  const argsFor = (topic: string) => ['-b', broker, '-t', topic, '-g', topic]
  const run = (topic: string, ...args: string[]) =>
    plugin.run([...argsFor(topic), '--retries', '0', '--until-end', ...args])
  const retry = (topic: string, ...args: string[]) =>
    plugin.run([...argsFor(topic), ...args], { command: 'retry' })
  const status = async (topic: string) => {
    const { stdout } = await runCli(['status', ...argsFor(topic), '--json'])
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    return {
      files: lines
        .filter(({ type }) => type === 'unfinished')
        .map(({ path, present, deleted }) => [path, present, ...(deleted ? ['deleted'] : [])]),
      count: lines.at(-1).unfinished,
      partial: lines.at(-1).partial,
    }
  }

  test('an upload that died is told by run, status and retry, whether or not a commit speaks of it', async () => {
    const topic = uniqueName('died')
    await createTopic(broker, topic, 4)
    await produceRaw(
      broker,
      topic,
      recordsOf({ path: 'big.raw', content: randomBytes(60_000), chunkSize: 100 }).slice(0, 176),
    )
    const expected = { files: [['big.raw', 176]], count: 1, partial: false }
    assert.deepEqual(await status(topic), expected, 'nothing is committed')
    const young = await run(topic, '-q')
    assert.equal(young.code, 0, young.stderr)
    assert.match(young.stderr, /^\S+ warn incomplete big\.raw: 176 of 600 chunks, the newest sent \S+ s ago/m)
    assert.deepEqual(await status(topic), expected)
    const late = await run(topic, '-q', '--incomplete-after', '1ms')
    assert.equal(late.code, 3, late.stderr)
    assert.deepEqual(await status(topic), expected)
    assert.match((await retry(topic, '--dry-run')).stdout, /^leave {2}big\.raw .*176 of 600 chunks/m)
  })

  test('retry runs what its plan shows: what lies beyond stays for the next run, uncommitted', async () => {
    const topic = uniqueName('shown')
    await createTopic(broker, topic, 1)
    await produceRaw(broker, topic, file('bad.dat', 0))
    plugin.order({ 'bad.dat': 'fail' })
    assert.equal((await run(topic)).code, 3)
    plugin.order({})
    plugin.forget()
    await produceRaw(broker, topic, [...file('new/1', 0), ...file('new/2', 0)])
    const retried = await retry(topic, '--yes')
    assert.equal(retried.code, 0, retried.stderr)
    assert.match(retried.stdout, /^1 file to retry, 0 left alone$/m)
    assert.deepEqual(plugin.started(), ['bad.dat'])
    assert.deepEqual((await readCommitted(broker, topic, topic))[0]?.offset, 5)
    assert.equal((await run(topic)).code, 0)
    assert.deepEqual(plugin.ended(), ['bad.dat', 'new/1', 'new/2'])
    assert.deepEqual(
      (await readCommitted(broker, topic, topic))[0]?.offset,
      (await endOffsets(broker, topic))[0],
    )
  })

  test('of a held and of a half-read file that retention cut each start says that it can only be sent again', async () => {
    const topic = uniqueName('cut')
    await createTopic(broker, topic, 2)
    await produceRaw(broker, topic, [
      ...file('held.dat', 0),
      ...file('part.dat', 1).slice(0, 4),
      ...file('z.dat', 0),
    ])
    plugin.order({ 'held.dat': 'fail' })
    assert.equal((await run(topic)).code, 3)
    plugin.order({})
    plugin.forget()
    await deleteRecords(broker, topic, [
      { partition: 0, offset: 2 },
      { partition: 1, offset: 1 },
    ])
    for (const start of ['first', 'second', 'third']) {
      const result = await run(topic, '-q')
      assert.equal(result.code, 3, `${start}: ${result.stderr}`)
      assert.match(result.stderr, new RegExp(`incomplete held\\.dat: 3 of 5 chunks.*${RESEND.source}`), start)
      assert.match(result.stderr, new RegExp(`incomplete part\\.dat: 3 of 5 chunks.*${RESEND.source}`), start)
      assert.deepEqual((await status(topic)).files, [
        ['held.dat', 3, 'deleted'],
        ['part.dat', 3, 'deleted'],
      ])
    }
    assert.deepEqual(plugin.started(), [])
    const planned = await retry(topic, '--yes')
    assert.equal(planned.code, 3, planned.stderr)
    assert.match(planned.stdout, new RegExp(`^leave {2}held\\.dat .*${RESEND.source}`, 'm'))
    assert.match(planned.stdout, /^0 files to retry, 2 left alone$/m)
    const got = await runCli(['get', '-b', broker, '-t', topic, '-o', plugin.folder, '*.dat'])
    assert.equal(got.code, 3, got.stderr)
    assert.match(got.stdout, new RegExp(`held\\.dat.*3 of 5 chunks are there; ${RESEND.source}`))
  })

  test('a run that finds records deleted before they were processed ends with 3, also where nothing is left of their file', async () => {
    const topic = uniqueName('gone')
    await createTopic(broker, topic, 1)
    await produceRaw(broker, topic, file('held.dat', 0))
    plugin.order({ 'held.dat': 'fail' })
    assert.equal((await run(topic)).code, 3)
    await deleteRecords(broker, topic, [{ partition: 0, offset: 5 }])
    const result = await run(topic, '-q')
    assert.equal(result.code, 3, result.stderr)
    assert.match(result.stderr, /\[0\]: records 0-4 were deleted by retention before they were processed/)
  })
})
