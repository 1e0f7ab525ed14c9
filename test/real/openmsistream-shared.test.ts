/** What OpenMSIStream scatters over the partitions is copied and saved by several hosts, some of which are killed. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { type Cli, startCli } from '../support/cli.ts'
import { noOpenMSIStream, uploadFolder } from '../support/openmsistream.ts'
import { createTopic } from '../support/topics.ts'

const FILES = 1_000
const PARTITIONS = 12
const HOSTS = ['a', 'b', 'c'] as const

/** Paths that a host said to have processed. */
const processed = (cli: Cli) =>
  [...cli.stderr().matchAll(/ ok (\S+\.dat)/g)].map(([, path]) => path as string)

test(`${FILES} files of OpenMSIStream, two hosts that copy and three that save, one of each killed: all are there, each once`, {
  skip: noBroker || noOpenMSIStream,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dfsp-many-'))
  const topic = uniqueName('instruments')
  await createTopic(broker, topic, PARTITIONS)
  const files = new Map<string, Buffer>()
  for (let i = 0; i < FILES; i++) files.set(`d${i % 7}/f${i}.dat`, randomBytes(1 + ((i * 7_919) % 60_000)))
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, 'in', path)), { recursive: true })
    await writeFile(join(folder, 'in', path), content)
  }

  const copy = (name: string) =>
    startCli(['repartition', '-b', broker, '-t', topic, '--member', name, '--commit-every', '100ms'])
  const host = (name: string) => {
    const args = ['run', '-p', 'save', '-b', broker, '-t', `${topic}.by-path`, '-g', topic, '-v']
    return startCli([...args, '--shared', '--member', name, '-o', join(folder, 'out')])
  }
  const copiers = ['one', 'two'].map(copy)
  await Promise.all(copiers.map(async cli => await cli.waitFor(/copying \d+ partitions/)))
  const hosts: Cli[] = HOSTS.map(host)
  const uploading = uploadFolder(join(folder, 'in'), { brokers: broker, topic, chunkSize: 8_192 })
  uploading.catch(() => {}) // is heard of below

  const all = () => hosts.flatMap(processed)
  while (all().length < FILES / 10) await delay(50)
  const [slainHost, slainCopier] = [hosts[0] as Cli, copiers[0] as Cli]
  slainHost.kill('SIGKILL')
  slainCopier.kill('SIGKILL')
  await Promise.all([slainHost.done, slainCopier.done])
  hosts.push(host('a'))
  copiers.push(copy('one'))
  const { files: sent } = await uploading
  assert.equal(sent, FILES)
  while (new Set(all()).size < FILES) await delay(100)

  const living = [...hosts, ...copiers].filter(cli => cli !== slainHost && cli !== slainCopier)
  for (const cli of living) cli.kill('SIGTERM')
  for (const { code, stderr } of await Promise.all(living.map(async ({ done }) => await done)))
    assert.equal(code, 0, stderr)

  const out = join(folder, 'out')
  const found = (await readdir(out, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile() && entry.name.endsWith('.dat'))
    .map(entry => relative(out, join(entry.parentPath, entry.name)))
  assert.deepEqual(found.toSorted(), [...files.keys()].sort())
  for (const [path, content] of files) assert.deepEqual(await readFile(join(out, path)), content, path)

  // What the killed host had done and not committed may run again, and nothing else.
  const others = hosts.slice(1).flatMap(processed)
  assert.deepEqual(
    others.filter((path, i) => others.indexOf(path) !== i),
    [],
  )
  await rm(folder, { recursive: true })
})
