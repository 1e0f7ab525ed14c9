/** upload --watch killed at any moment: nothing is missed, and nothing that was remembered is sent twice. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeChunk } from '../../src/core/chunks/chunk-codec.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { type Cli, startCli } from '../support/cli.ts'
import { createTopic, readAll } from '../support/topics.ts'
import { makeTree, removeTree } from '../support/trees.ts'
import { until } from '../support/until.ts'

const FILES = 300
const KILLS = 3
/** Longer than a machine under load may take between two pieces of a file. */
const SETTLE = '1s'

test('a watcher that is killed again and again misses no file and sends none twice that it remembered', {
  skip: noBroker,
}, async t => {
  const topic = uniqueName('upload-watch')
  await createTopic(broker, topic, 4)
  const folder = makeTree()
  const data = join(folder, 'data')
  fs.mkdirSync(data)
  let cli: Cli | undefined
  t.after(async () => {
    cli?.kill('SIGKILL')
    await cli?.done.catch(() => {})
    removeTree(folder)
  })
  const start = () =>
    startCli(['upload', data, '-t', topic, '-b', broker, '--watch', '--settle', SETTLE, '--json'], {
      env: { STATE_DIRECTORY: join(folder, 'state') },
    })
  /** Lines of the memory: path on the topic and fingerprint. */
  const remembered = (): string[] => {
    const [name] = fs.readdirSync(join(folder, 'state', 'upload')).filter(file => file.endsWith('.jsonl'))
    const lines = fs.readFileSync(join(folder, 'state', 'upload', name as string), 'utf8').split('\n')
    return lines.slice(1, -1).map(line => JSON.parse(line)[0])
  }

  const contents = new Map<string, Buffer>()
  let next = 0
  // As instruments write: some at once, some in pieces, some moved in from elsewhere, in folders that are new.
  const write = async () => {
    const name = `run${Math.floor(next / 20)}/${next % 3 === 0 ? 'raw/' : ''}${next}.dat`
    const content = randomBytes(2_000 + 1_000 * (next % 7))
    contents.set(name, content)
    const file = join(data, name)
    fs.mkdirSync(join(file, '..'), { recursive: true })
    if (next % 5 === 0) {
      fs.writeFileSync(join(folder, 'elsewhere'), content)
      fs.renameSync(join(folder, 'elsewhere'), file)
    } else {
      fs.writeFileSync(file, content.subarray(0, 1_000))
      fs.appendFileSync(file, content.subarray(1_000))
    }
    next++
    if (next % 10 === 0) await new Promise(resolve => setImmediate(resolve))
  }

  // By file that was remembered at a kill: how often it was on the topic then.
  const atKill = new Map<string, number>()
  for (let kill = 1; kill <= KILLS; kill++) {
    cli = start()
    await cli.waitFor(/watching/)
    while (next < (FILES * kill) / (KILLS + 1)) await write()
    // Odd ones are killed amid the many that have settled together, even ones when some are remembered for sure.
    if (kill % 2 === 1) await cli.waitFor(/"result":"ok"/)
    else await until(() => remembered().length > 20)
    cli.kill('SIGKILL')
    await cli.done
    const there = await copies(topic)
    for (const name of remembered()) {
      assert.ok(there.has(name), `${name} was remembered and is not there`)
      if (!atKill.has(name)) atKill.set(name, there.get(name)?.length ?? 0)
    }
    for (let i = 0; i < 10; i++) await write() // while it is away
  }
  cli = start()
  while (next < FILES) await write()
  await until(() => new Set(remembered()).size === FILES)
  cli.kill('SIGTERM')
  const { code, stderr } = await cli.done
  assert.equal(code, 0, stderr)

  const sent = await copies(topic)
  assert.equal(sent.size, FILES)
  for (const [name, content] of contents) {
    const found = sent.get(name) ?? []
    for (const copy of found) assert.deepEqual(copy, content, name)
    const before = atKill.get(name)
    if (before !== undefined) assert.equal(found.length, before, `${name} was remembered and sent again`)
  }
  assert.ok(atKill.size > 20 && atKill.size < FILES, `${atKill.size} were remembered at the kills`)
})

/** What is on the topic, by path; every file has one chunk. */
async function copies(topic: string): Promise<Map<string, Buffer[]>> {
  const found = new Map<string, Buffer[]>()
  for (const { value } of await readAll(broker, topic)) {
    const chunk = decodeChunk(value as Buffer)
    assert.ok('data' in chunk)
    assert.equal(chunk.total, 1)
    const path = `${chunk.subdir}/${chunk.filename}`
    found.set(path, [...(found.get(path) ?? []), Buffer.from(chunk.data)])
  }
  return found
}
