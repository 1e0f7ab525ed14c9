/** A disk that is full, gone or read-only, and a process that may open nothing more. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import type { Cli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { noSmallDisk, type SmallDisk, smallDisk } from '../support/small-disk.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'

const MB = 1_000_000
const file = (path: string, bytes: number) => ({ path, content: randomBytes(bytes), chunkSize: 100_000 })

describe('a disk that takes nothing', { skip: noBroker || noSmallDisk }, () => {
  let plugin: Steered
  let disk: SmallDisk
  before(() => {
    plugin = steered()
    disk = smallDisk(16 * MB)
  })
  after(() => {
    disk.end()
    plugin.end()
  })

  async function begin(): Promise<{ topic: string; args: string[] }> {
    const topic = uniqueName('disk')
    await createTopic(broker, topic, 4)
    plugin.forget()
    plugin.order({})
    disk.empty()
    return {
      topic,
      args: [
        ...['-b', broker, '-t', topic, '-g', topic, '-X', 'session.timeout.ms=6000'],
        ...['--log-file', join(plugin.folder, 'log')],
      ],
    }
  }

  /** SIGTERM, and all is committed. */
  async function endWell(run: Cli, topic: string): Promise<void> {
    run.kill('SIGTERM')
    const { code, stderr } = await run.done
    assert.equal(code, 0, stderr)
    const committed = (await readCommitted(broker, topic, topic)).map(({ offset }) => offset)
    assert.deepEqual(committed, await endOffsets(broker, topic))
  }

  test('fault 60: full for data in disk mode: it pauses, resumes by itself, and each file is processed once', async () => {
    const { topic, args } = await begin()
    const files = ['a.dat', 'b.dat', 'c.dat'].map(path => file(path, 2 * MB))
    disk.fill(1 * MB)
    const run = plugin.start([...args, '--mode', 'disk'], { out: disk.folder })
    await run.waitFor(/reading \d/)
    for (const each of files) await produceRaw(broker, topic, recordsOf(each))
    await run.waitFor(/E_BREAKER/)
    assert.deepEqual(plugin.ended(), [])
    disk.empty()
    await run.waitFor(/resumed/)
    for (const { path } of files) await plugin.until('end', path)
    await endWell(run, topic)
    assert.deepEqual(
      plugin.ended().sort(),
      files.map(({ path }) => path),
    )
    for (const { path, content } of files)
      assert.ok(fs.readFileSync(join(disk.folder, path)).equals(content), path)
  })

  test('fault 60: full for the journal: it pauses, resumes by itself, and each file is processed once', async () => {
    const { topic, args } = await begin()
    const run = plugin.start([...args, '--journal'], { out: disk.folder })
    await run.waitFor(/reading \d/)
    // Its first page is taken already: it has to ask for one again.
    const journal = fs.readdirSync(disk.folder).find(name => name.startsWith('.dfsp-journal')) as string
    fs.truncateSync(join(disk.folder, journal))
    disk.fill(0)
    await produceRaw(
      broker,
      topic,
      ['a.dat', 'b.dat'].flatMap(path => recordsOf(file(path, 1_000))),
    )
    await run.waitFor(/E_BREAKER/)
    await produceRaw(broker, topic, recordsOf(file('c.dat', 1_000)))
    disk.empty()
    await run.waitFor(/resumed/)
    for (const path of ['a.dat', 'b.dat', 'c.dat']) await plugin.until('end', path)
    await endWell(run, topic)
    assert.deepEqual(plugin.ended().sort(), ['a.dat', 'b.dat', 'c.dat'])
  })

  test('fault 61: a read-only output folder ends it at the start, and says so', async () => {
    const { args } = await begin()
    disk.readOnly(true)
    try {
      const { code, stderr } = await plugin.run(args, { out: disk.folder })
      assert.equal(code, 73, stderr)
      assert.match(stderr, new RegExp(`cannot write to the output directory ${disk.folder}`))
    } finally {
      disk.readOnly(false)
    }
  })

  test('fault 61: no more files may be opened: it pauses, resumes by itself, and loses nothing', async () => {
    const { topic, args } = await begin()
    // One thread: a second one would still be loading the plugin, which it could not open.
    const run = plugin.start([...args, '--mode', 'disk', '--threads', '1'], { out: disk.folder })
    await run.waitFor(/reading \d/)
    const pid = String(run.child.pid)
    execFileSync('prlimit', ['--pid', pid, '--nofile=20:4096'])
    await produceRaw(broker, topic, recordsOf(file('a.dat', MB)))
    await run.waitFor(/E_BREAKER/)
    execFileSync('prlimit', ['--pid', pid, '--nofile=4096:4096'])
    await plugin.until('end', 'a.dat')
    await endWell(run, topic)
    assert.deepEqual(plugin.ended(), ['a.dat'])
  })

  test('fault 61: the output folder is removed at runtime: nothing is lost', async () => {
    const { topic, args } = await begin()
    const run = plugin.start([...args, '--mode', 'disk'], { out: join(disk.folder, 'gone') })
    await run.waitFor(/reading \d/)
    fs.rmSync(join(disk.folder, 'gone'), { recursive: true })
    await produceRaw(broker, topic, recordsOf(file('a.dat', MB)))
    await run.waitFor(/E_BREAKER/)
    fs.mkdirSync(join(disk.folder, 'gone'))
    await plugin.until('end', 'a.dat')
    await endWell(run, topic)
    assert.deepEqual(plugin.ended(), ['a.dat'])
  })
})
