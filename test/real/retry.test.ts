/** Dead letters of `dfsp run` and what `dfsp retry` makes of them, on a real broker. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { decodeDeadLetter, encodeDeadLetter, type FileLetter } from '../../src/core/dead-letter.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Order, type Steered, steered } from '../support/steered.ts'
import {
  createTopic,
  deleteRecords,
  endOffsets,
  produceRaw,
  type RawRecord,
  readAll,
  readCommitted,
} from '../support/topics.ts'

describe('dead letters', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  const retry = (dlq: string, ...args: string[]) =>
    plugin.run(['-b', broker, '--dlq', dlq, ...args], { command: 'retry' })

  /** A topic with files of which some are dead letters. */
  async function given(names: readonly string[], failing: readonly string[]) {
    const topic = uniqueName('letters')
    const dlq = `${topic}-dead`
    await createTopic(broker, topic, 3)
    await createTopic(broker, dlq, 2)
    for (const path of names)
      await produceRaw(broker, topic, recordsOf({ path, content: randomBytes(5_000) }))
    plugin.order(Object.fromEntries(failing.map(path => [path, 'fail' as Order])))
    const result = await plugin.run([
      ...['-b', broker, '-t', topic, '-g', topic, '--dlq', dlq],
      ...['--retries', '0', '--until-end'],
    ])
    assert.equal(result.code, 3, result.stderr)
    plugin.order({})
    plugin.forget()
    return { topic, dlq, result }
  }

  async function lettersOf(dlq: string): Promise<FileLetter[]> {
    const found: FileLetter[] = []
    for (const { value, headers } of await readAll(broker, dlq)) {
      const pairs = headers.flatMap(header => Object.entries(header))
      const letter = decodeDeadLetter(value, new Map(pairs.map(([name, text]) => [name, Buffer.from(text)])))
      if ('kind' in letter && letter.kind === 'file') found.push(letter)
    }
    return found
  }

  async function lag(dlq: string): Promise<number> {
    const ends = await endOffsets(broker, dlq)
    const committed = await readCommitted(broker, `dfsp.retry.${dlq}`, dlq)
    return committed.reduce((sum, { partition, offset = 0 }) => sum + (ends[partition] as number) - offset, 0)
  }

  test('what failed in a run is committed as dead letters and processed by a retry with a mended plugin, once', async () => {
    const { topic, dlq, result } = await given(
      ['ok.dat', 'a/bad.dat', 'b/bad.dat'],
      ['a/bad.dat', 'b/bad.dat'],
    )
    assert.match(result.stderr, /dead_lettered=2 /)
    const ends = await endOffsets(broker, topic)
    assert.deepEqual(
      (await readCommitted(broker, topic, topic)).map(c => c.offset ?? 0),
      ends,
    )

    const looked = await retry(dlq, '--dry-run')
    assert.equal(looked.code, 0, looked.stderr)
    assert.match(looked.stdout, /^retry {2}a\/bad\.dat {2}4\.9 KiB {2}failed after 1 try {2}letters-\S+ 0: /m)
    assert.match(looked.stdout, /^ {7}told to fail at steered\.mjs/m)
    assert.match(looked.stdout, /^2 files to retry, 0 left alone$/m)

    const refused = await retry(dlq)
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /there is no terminal \[E_USAGE\]\nTry: add --yes/)
    assert.deepEqual(plugin.started(), [])

    const done = await retry(dlq, '--yes', '--json')
    assert.equal(done.code, 0, done.stderr)
    assert.deepEqual(plugin.ended().toSorted(), ['a/bad.dat', 'b/bad.dat'])
    const lines = done.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      lines.map(line => line.type),
      ['planned', 'planned', 'file', 'file', 'summary'],
    )
    assert.deepEqual([lines.at(-1).done, lines.at(-1).exit], [2, 0])
    assert.equal(await lag(dlq), 0)

    plugin.forget()
    const again = await retry(dlq, '--yes')
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(plugin.started(), [])
  })

  test('a file whose path got a newer content since is superseded: shown, told, resolved, not run; named it is run', async () => {
    const { topic, dlq } = await given(['v.dat', 'w.dat'], ['v.dat', 'w.dat'])
    await produceRaw(broker, topic, recordsOf({ path: 'v.dat', content: randomBytes(5_000) }))
    const looked = await retry(dlq, '--dry-run')
    assert.match(
      looked.stdout,
      /^leave {2}v\.dat [\s\S]*^ {7}superseded: a newer content of its path was sent/m,
    )
    assert.match(looked.stdout, /^1 file to retry, 1 left alone$/m)

    const done = await retry(dlq, '--yes', '--max', '1000', '--verbose')
    assert.equal(done.code, 0, done.stderr)
    assert.match(done.stderr, /superseded v\.dat: a newer content of its path was sent/)
    assert.deepEqual(plugin.ended(), ['w.dat'])
    assert.equal(await lag(dlq), 0)

    const named = await given(['v.dat'], ['v.dat'])
    await produceRaw(broker, named.topic, recordsOf({ path: 'v.dat', content: randomBytes(5_000) }))
    const again = await retry(named.dlq, '--yes', 'v.dat')
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(plugin.ended(), ['v.dat'])
  })

  test('a file that fails again gets a new letter that counts the rounds; what was done is not done again', async () => {
    const { dlq } = await given(['x.dat', 'y.dat'], ['x.dat', 'y.dat'])
    plugin.order({ 'y.dat': 'fail' })
    const first = await retry(dlq, '--yes')
    assert.deepEqual(plugin.attempts('y.dat'), [2])
    assert.equal(first.code, 3, first.stderr)
    assert.deepEqual(plugin.ended(), ['x.dat'])
    const rounds = (await lettersOf(dlq))
      .filter(letter => letter.path === 'y.dat')
      .map(l => [l.rounds, l.attempts])
    assert.deepEqual(rounds.toSorted(), [
      [0, 1],
      [1, 2],
    ])

    plugin.order({})
    plugin.forget()
    const second = await retry(dlq, '--yes')
    assert.equal(second.code, 0, second.stderr)
    assert.match(second.stdout, /^1 file to retry/m)
    assert.deepEqual(plugin.ended(), ['y.dat'])
    assert.deepEqual(plugin.attempts('y.dat'), [3])
    assert.equal(await lag(dlq), 0)
  })

  test('only what is named is taken; the rest stays and is taken later, and nothing runs twice', async () => {
    const { dlq } = await given(
      ['a/1.dat', 'a/2.dat', 'b.dat', 'c.dat'],
      ['a/1.dat', 'a/2.dat', 'b.dat', 'c.dat'],
    )
    assert.equal((await retry(dlq, '--yes', 'a/', 'c.dat')).code, 0)
    assert.deepEqual(plugin.ended().toSorted(), ['a/1.dat', 'a/2.dat', 'c.dat'])
    plugin.forget()
    assert.equal((await retry(dlq, '--yes')).code, 0)
    assert.deepEqual(plugin.ended(), ['b.dat'])
  })

  test('two letters of one file run it once, one after five rounds is left alone unless it is named, junk is named', async () => {
    const { dlq } = await given(['x.dat', 'worn.dat'], ['x.dat', 'worn.dat'])
    const written = await lettersOf(dlq)
    const letterOf = (path: string) => written.find(letter => letter.path === path) as FileLetter
    const send = async (letter: FileLetter) => {
      const { key, value, headers } = encodeDeadLetter(letter)
      await produceRaw(broker, dlq, [{ key, value, headers: [headers] }])
    }
    await send(letterOf('x.dat'))
    await send({ ...letterOf('worn.dat'), rounds: 5 })
    await produceRaw(broker, dlq, [{ key: 'junk', value: Buffer.from('{"v":2}') }])

    const first = await retry(dlq, '--yes')
    assert.equal(first.code, 3, first.stderr)
    assert.match(first.stdout, /no dead letter: version 2 is not known/)
    assert.match(first.stdout, /^leave {2}worn\.dat .*retried 5x/m)
    assert.deepEqual(plugin.ended(), ['x.dat'])
    plugin.forget()
    assert.equal((await retry(dlq, '--yes', 'worn.dat')).code, 0)
    assert.deepEqual(plugin.ended(), ['worn.dat'])
  })

  test('what retention took is shown before and told after; a record that is no chunk is shown once', async () => {
    const { topic, dlq } = await given(['x.dat', 'y.dat'], ['x.dat', 'y.dat'])
    await produceRaw(broker, topic, [{ partition: 0, key: 'k', value: Buffer.from('no chunk') }])
    const run = await plugin.run(['-b', broker, '-t', topic, '-g', topic, '--dlq', dlq, '--until-end'])
    assert.equal(run.code, 3, run.stderr)
    const x = (await lettersOf(dlq)).find(letter => letter.path === 'x.dat') as FileLetter
    const { partition, to } = x.ranges.at(-1) as FileLetter['ranges'][number]
    await deleteRecords(broker, topic, [{ partition, offset: to + 1 }])

    const first = await retry(dlq, '--yes')
    assert.equal(first.code, 3, first.stderr)
    assert.match(
      first.stdout,
      /^leave {2}x\.dat (.*\n)+? {7}retention deleted .*it can only be sent again\n/m,
    )
    assert.match(first.stdout, /^1 file to retry, 2 left alone$/m)
    assert.match(first.stdout, new RegExp(`^ {7}no longer there: ${partition}: `, 'm'))
    assert.match(first.stdout, /^leave {2}record \S+\[0\]@\d+ {2}8 B {2}no chunk: not a msgpack array/m)
    assert.match(
      first.stderr,
      /incomplete x\.dat: at most \d of 5 chunks are left; retention deleted \d: .*it can only be sent again/,
    )
    const second = await retry(dlq, '--yes')
    assert.equal(second.code, 0, second.stderr)
    assert.match(second.stdout, /^0 files to retry, 0 left alone$/m)
    assert.equal(await lag(dlq), 0)
  })

  test('a second retry on the same letters ends with 75, and a signal ends the first with what runs finished', async () => {
    const { dlq } = await given(['x.dat', 'y.dat'], ['x.dat', 'y.dat'])
    plugin.order({ 'x.dat': 'wait' })
    const first = plugin.start(['-b', broker, '--dlq', dlq, '--yes', '-j', '1'], { command: 'retry' })
    await plugin.until('start', 'x.dat')
    const second = await retry(dlq, '--yes')
    assert.equal(second.code, 75, second.stderr)
    first.kill('SIGINT')
    await first.waitFor(/SIGINT/)
    plugin.order({})
    const ended = await first.done
    assert.equal(ended.code, 130, ended.stderr)
    assert.deepEqual(plugin.ended(), ['x.dat'])
    plugin.forget()
    assert.equal((await retry(dlq, '--yes')).code, 0)
    assert.deepEqual(plugin.ended(), ['y.dat'])
  })

  test('a file in more runs than a letter names is found among the records of others, in memory and on disk', async () => {
    const topic = uniqueName('scattered')
    const dlq = `${topic}-dead`
    await createTopic(broker, topic, 1)
    await createTopic(broker, dlq, 1)
    const [x, y] = ['x.dat', 'y.dat'].map(path =>
      recordsOf({ path, content: randomBytes(11_000), chunkSize: 10 }, 0),
    ) as [RawRecord[], RawRecord[]]
    await produceRaw(
      broker,
      topic,
      x.flatMap((record, i) => [record, y[i] as RawRecord]),
    )
    plugin.order({ 'x.dat': 'fail', 'y.dat': 'fail' })
    const args = ['-b', broker, '-t', topic, '-g', topic, '--dlq', dlq, '--retries', '0', '--until-end']
    assert.equal((await plugin.run(args)).code, 3)
    const letters = await lettersOf(dlq)
    assert.deepEqual(
      letters.map(({ exact, ranges }) => [exact, ranges.length]),
      [
        [false, 1],
        [false, 1],
      ],
    )
    plugin.order({ 'y.dat': 'fail' })
    plugin.forget()
    assert.equal((await retry(dlq, '--yes')).code, 3)
    assert.deepEqual(plugin.ended(), ['x.dat'])
    plugin.order({})
    plugin.forget()
    const disk = await retry(dlq, '--yes', '--mode', 'disk')
    assert.equal(disk.code, 0, disk.stderr)
    assert.deepEqual(plugin.ended(), ['y.dat'])
  })

  test('kill -9 after a new letter, before the old one is resolved: both are one file, and the next call runs it once', async () => {
    const { dlq } = await given(['x.dat'], ['x.dat'])
    plugin.order({ 'x.dat': 'fail' })
    const soon = ['-X', 'session.timeout.ms=1500', '-X', 'heartbeat.interval.ms=300']
    const args = ['-b', broker, '--dlq', dlq, '--yes', ...soon]
    const killed = await plugin.run(args, { command: 'retry', fault: 'dead-letter-acked' })
    assert.equal(killed.signal, 'SIGKILL')
    assert.deepEqual((await lettersOf(dlq)).map(({ rounds }) => rounds).toSorted(), [0, 1])
    plugin.order({})
    plugin.forget()
    const next = await plugin.run(args, { command: 'retry' })
    assert.equal(next.code, 0, next.stderr)
    assert.match(next.stdout, /^1 file to retry/m)
    assert.deepEqual(plugin.ended(), ['x.dat'])
    assert.equal(await lag(dlq), 0)
  })
})
