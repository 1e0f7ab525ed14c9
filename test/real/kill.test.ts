/** kill -9 at exact places, and what the next start does, in an empty folder where nothing else is said: another host. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { decodeCommitRecord } from '../support/commit-record.ts'
import { recordsOf } from '../support/files.ts'
import { type Place, type Steered, steered } from '../support/steered.ts'
import { commitAs, createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'
import { until } from '../support/until.ts'

const small = (path: string) => ({ path, content: randomBytes(5_000) })

describe('kill -9', { skip: noBroker }, () => {
  let plugin: Steered
  before(() => {
    plugin = steered()
  })
  after(() => plugin.end())

  async function topicOf(partitions: number): Promise<{ topic: string; args: string[] }> {
    const topic = uniqueName('kill')
    await createTopic(broker, topic, partitions)
    // So that the first commit of a run is one for a file.
    await commitAs(
      broker,
      topic,
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })),
    )
    plugin.forget()
    plugin.order({})
    fs.rmSync(join(plugin.folder, 'out'), { recursive: true, force: true })
    return {
      topic,
      args: [
        '-b',
        broker,
        '-t',
        topic,
        '-g',
        topic,
        '--retries',
        '0',
        '-X',
        'session.timeout.ms=1500',
        '-X',
        'heartbeat.interval.ms=300',
      ],
    }
  }

  /** Runs until the fault point kills it. */
  async function killedAt(fault: string, args: readonly string[], place: Place = {}): Promise<void> {
    const { signal, stderr } = await plugin.run(args, { ...place, fault })
    assert.equal(signal, 'SIGKILL', stderr)
  }

  /** Runs to the end of the topic, and checks that everything is committed then. */
  async function finish(topic: string, args: readonly string[], place: Place): Promise<void> {
    const { code, stderr } = await plugin.run([...args, '--until-end'], place)
    assert.equal(code, 0, stderr)
    const committed = (await readCommitted(broker, topic, topic)).map(({ offset }) => offset ?? 0)
    assert.deepEqual(committed, await endOffsets(broker, topic))
  }

  const times = (path: string) => plugin.ended().filter(ended => ended === path).length

  test('fault 2: a whole file that has not started is processed by the next start, once', async () => {
    const { topic, args } = await topicOf(4)
    await produceRaw(broker, topic, recordsOf(small('first.dat')))
    plugin.order({ 'first.dat': 'wait' })
    const run = plugin.start([...args, '--threads', '1', '--stats', '50ms'])
    await plugin.until('start', 'first.dat')
    await produceRaw(broker, topic, recordsOf(small('queued.dat')))
    await until(async () => (await run.waitFor(/stats [^\n]*\n$/))[0].match(/assembling=0 .*lag=0/) !== null)
    run.kill('SIGKILL')
    await run.done
    assert.deepEqual(plugin.started(), ['first.dat'])
    plugin.order({})
    await finish(topic, args, { out: 'other' })
    assert.deepEqual(plugin.ended().sort(), ['first.dat', 'queued.dat'])
  })

  test('fault 4: killed after null, before the commit: the file runs once more', async () => {
    const { topic, args } = await topicOf(4)
    await produceRaw(broker, topic, recordsOf(small('a.dat')))
    await killedAt('before-commit', args)
    await finish(topic, args, { out: 'other' })
    assert.deepEqual(plugin.ended(), ['a.dat', 'a.dat'])
  })

  test('fault 5: killed with a commit on its way: nothing is lost, and no file runs more than twice', async () => {
    const { topic, args } = await topicOf(4)
    await produceRaw(broker, topic, [...recordsOf(small('a.dat')), ...recordsOf(small('b.dat'))])
    await killedAt('commit-sent', args)
    await finish(topic, args, { out: 'other' })
    for (const path of ['a.dat', 'b.dat'])
      assert.ok(times(path) === 1 || times(path) === 2, `${path} ran ${times(path)} times`)
  })

  test('fault 5: killed when the broker had applied the commit: the file does not run again', async () => {
    const { topic, args } = await topicOf(4)
    await produceRaw(broker, topic, recordsOf(small('a.dat')))
    await killedAt('after-commit', args)
    await finish(topic, args, { out: 'other' })
    assert.deepEqual(plugin.ended(), ['a.dat'])
  })

  test('fault 6: finished files above an older one that is still open do not run again on another host', {
    timeout: 240_000,
  }, async () => {
    const { topic, args } = await topicOf(4)
    const open = recordsOf(small('open.dat'))
    const finished = ['a.dat', 'b.dat', 'c.dat', 'd.dat', 'e.dat']
    // In every partition below all others.
    for (const partition of [0, 1, 2, 3])
      await produceRaw(broker, topic, [{ ...(open[partition] as (typeof open)[0]), partition }])
    await produceRaw(
      broker,
      topic,
      finished.flatMap(path => recordsOf(small(path))),
    )
    const run = plugin.start(args)
    const ends = await endOffsets(broker, topic)
    // Committed is what lies below: nothing. All else stands in the commit records.
    await until(async () => {
      const committed = await readCommitted(broker, topic, topic)
      return committed.every(
        ({ partition, metadata }) => decodeCommitRecord(metadata)?.position === ends[partition],
      )
    })
    await until(async () => plugin.ended().length === finished.length)
    await settled(topic)
    run.kill('SIGKILL')
    await run.done
    assert.deepEqual(
      (await readCommitted(broker, topic, topic)).map(({ offset }) => offset),
      [0, 0, 0, 0],
    )
    await finishOpen(topic, args, open.slice(4))
    assert.deepEqual(plugin.ended().slice(0, -1).sort(), finished)
    assert.equal(plugin.ended().at(-1), 'open.dat')
  })

  /** A start that finds nothing to do but the open file, and one more after its last chunk. */
  async function finishOpen(topic: string, args: readonly string[], rest: ReturnType<typeof recordsOf>) {
    const without = await plugin.run([...args, '--until-end'], { out: 'other' })
    assert.equal(without.code, 0, without.stderr)
    assert.match(without.stderr, /summary done=0 .*incomplete=1/)
    await produceRaw(broker, topic, rest)
    await finish(topic, args, { out: 'third' })
  }

  /** Waits until no commit record names anything unresolved beyond one record: that of the open file. */
  async function settled(topic: string): Promise<void> {
    await until(async () =>
      (await readCommitted(broker, topic, topic)).every(({ metadata }) => {
        const unresolved = decodeCommitRecord(metadata)?.unresolved
        if (unresolved === undefined) return false
        return unresolved.kind === 'files'
          ? unresolved.files.length === 1
          : unresolved.runs.length === 2 && unresolved.runs[0] === 1
      }),
    )
  }

  test('fault 8: killed while a file is written or renamed: no half file is visible, and none is left', async () => {
    for (const fault of ['disk-write:3', 'before-rename', 'after-rename']) {
      const { topic, args } = await topicOf(4)
      const file = { path: 'a/b.dat', content: randomBytes(300_000), chunkSize: 50_000 }
      await produceRaw(broker, topic, recordsOf(file))
      const target = join(plugin.folder, 'out', file.path)
      await killedAt(fault, [...args, '--mode', 'disk'])
      assert.equal(fs.existsSync(target), fault === 'after-rename', fault)
      assert.deepEqual(plugin.started(), [], fault)
      await finish(topic, [...args, '--mode', 'disk'], { out: 'out' })
      assert.ok(fs.readFileSync(target).equals(file.content), fault)
      assert.deepEqual(fs.readdirSync(join(plugin.folder, 'out')).sort(), ['LOGS', 'a'], fault)
      assert.deepEqual(fs.readdirSync(join(plugin.folder, 'out', 'a')), ['b.dat'], fault)
    }
  })

  test('fault 9: killed around an append to the journal: what is in it does not run again, a torn end is ignored', async () => {
    const { topic, args } = await topicOf(4)
    const withJournal = [...args, '--journal', '--threads', '1']
    const out = join(plugin.folder, 'out')
    await produceRaw(broker, topic, recordsOf(small('a.dat')))
    await killedAt('journal-synced', withJournal)
    const [journal] = fs.readdirSync(out).filter(name => name.startsWith('.dfsp-journal'))
    assert.ok(journal)
    // As if the kill had come in the middle of the next append.
    fs.appendFileSync(join(out, journal), randomBytes(7))
    await produceRaw(broker, topic, recordsOf(small('b.dat')))
    plugin.order({ 'a.dat': 'fail' })
    await killedAt('journal-append', withJournal)
    assert.deepEqual(plugin.ended(), ['a.dat', 'b.dat'])
    // b.dat was not yet in it.
    await finish(topic, withJournal, { out: 'out' })
    assert.deepEqual(plugin.started(), ['a.dat', 'b.dat', 'b.dat'])
  })
})
