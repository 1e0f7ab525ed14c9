import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { runCli } from '../support/cli.ts'
import { sha512 } from '../support/files.ts'
import {
  configText,
  download,
  noOpenMSIStream,
  uploadDataFile,
  uploadFolder,
  watchAndUpload,
} from '../support/openmsistream.ts'
import { createTopic, endOffsets } from '../support/topics.ts'

const skip = noBroker || noOpenMSIStream
const files = new Map([
  ['a.csv', Buffer.from('1,2\n')],
  ['sub/Größe.bin', Buffer.alloc(5000, 'x')],
])

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfsp-peer-'))
  for (const [path, content] of files) {
    await mkdir(join(folder, 'in', path, '..'), { recursive: true })
    await writeFile(join(folder, 'in', path), content)
  }
})
after(() => rm(folder, { recursive: true }))

test('what OpenMSIStream uploads by library, program and watch comes back through it', { skip }, async () => {
  const topic = uniqueName('peer')
  await createTopic(broker, topic, 3)
  const target = { brokers: broker, topic, chunkSize: 1024 }
  const total = async () => (await endOffsets(broker, topic)).reduce((a, b) => a + b)

  assert.deepEqual(await uploadFolder(join(folder, 'in'), target), { files: 2, chunks: 6 })
  assert.equal(await total(), 6)
  await watchAndUpload(join(folder, 'in'), target)
  assert.equal(await total(), 12)
  await uploadDataFile(join(folder, 'in', 'a.csv'), target)
  assert.equal(await total(), 13)

  await download(target, join(folder, 'out'), files)
  assert.deepEqual(await readFile(join(folder, 'out', 'a.csv')), files.get('a.csv'))
})

/** 100 files in sub-folders with names of all kinds, one of 200 MB. */
async function bigTree(root: string): Promise<void> {
  const names = [
    'plain',
    'Größe',
    '測定',
    'with space',
    'semi;colon',
    'comma,tab\t',
    'dots.in.name',
    '.hidden-not',
  ]
  for (let i = 0; i < 100; i++) {
    const path = join(
      root,
      ['', 'a', 'a/b', 'deep/er/still'][i % 4] as string,
      `${names[i % 8]}_${i}.${i % 3 ? 'dat' : 'csv'}`,
    )
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, randomBytes(i === 50 ? 200_000_000 : 1 + ((i * 7919) % 300_000)))
    await utimes(path, 1_600_000_000 + i * 1000.5, 1_600_000_000 + i * 1000.5)
  }
}

/** Relative path -> SHA-512 and modification time in whole milliseconds, of all files below a folder. */
async function contents(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes('LOGS')) continue
    const path = join(entry.parentPath, entry.name)
    const { mtimeMs } = await stat(path)
    found.set(relative(root, path), `${sha512(await readFile(path)).toString('hex')} ${Math.round(mtimeMs)}`)
  }
  return new Map([...found].sort())
}

for (const chunkSize of [16_384, 524_288]) {
  test(`a tree that OpenMSIStream uploads in ${chunkSize / 1024} KiB chunks is saved byte for byte, with its own config file`, {
    skip,
  }, async () => {
    const topic = uniqueName('tree')
    await createTopic(broker, topic, 12)
    const source = join(folder, 'tree')
    if (!(await stat(source).catch(() => undefined))) await bigTree(source)
    assert.equal((await uploadFolder(source, { brokers: broker, topic, chunkSize })).files, 100)
    const config = join(folder, 'lab.config')
    await writeFile(config, configText(broker))
    const out = join(folder, `saved-${chunkSize}`)
    const result = await runCli([
      'run',
      '-p',
      'save',
      '-c',
      config,
      '-t',
      topic,
      '-g',
      topic,
      '-o',
      out,
      '--until-end',
    ])
    assert.equal(result.code, 0, result.stderr)
    assert.match(result.stderr, /summary done=100 failed=0/)
    assert.deepEqual(await contents(out), await contents(source))
  })
}

test('disk mode gives the plugin a verified file with the same bytes and leaves no temporary file', {
  skip,
}, async () => {
  const topic = uniqueName('disk')
  await createTopic(broker, topic, 4)
  const source = join(folder, 'in-disk') // OpenMSIStream's programs have left their logs in the other
  await cp(join(folder, 'in'), source, { recursive: true, filter: name => !/LOGS|\.log$/.test(name) })
  await uploadFolder(source, { brokers: broker, topic, chunkSize: 1024 })
  const out = join(folder, 'disk')
  const result = await runCli([
    'run',
    '-p',
    'save',
    '-b',
    broker,
    '-t',
    topic,
    '-o',
    out,
    '--mode',
    'disk',
    '--until-end',
  ])
  assert.equal(result.code, 0, result.stderr)
  assert.deepEqual(await contents(out), await contents(source))
})

test('what dfsp uploads, OpenMSIStream downloads byte for byte', { skip }, async () => {
  const source = join(folder, 'tree-up')
  await mkdir(join(source, 'sub/deep'), { recursive: true })
  const expected = new Map<string, Uint8Array>()
  for (const [path, size] of [
    ['a.dat', 700_000],
    ['sub/Größe.csv', 5_000],
    ['sub/deep/x', 1],
    ['exact.bin', 524_288],
  ] as const) {
    expected.set(path, randomBytes(size))
    await writeFile(join(source, path), expected.get(path) as Uint8Array)
  }
  for (const by of ['path', 'key']) {
    const topic = uniqueName(`up-${by}`)
    await createTopic(broker, topic, 4)
    const result = await runCli(['upload', source, '-b', broker, '-t', topic, '--partition-by', by])
    assert.equal(result.code, 0, result.stderr)
    await download({ brokers: broker, topic }, join(folder, `out-${by}`), expected)
  }
})
