/** The s3 plugin against a real S3 server, with a config file as OpenMSIStream's users have it. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { runCli, startCli } from '../support/cli.ts'
import { createTopic } from '../support/topics.ts'
import { makeTree, removeTree } from '../support/trees.ts'
import { until } from '../support/until.ts'
import { noS3, type S3, startS3 } from '../support/versitygw.ts'

const SMALL = 1_000
const LARGE_BYTES = 300 * 1024 * 1024

describe('s3', { skip: noBroker || noS3 }, () => {
  let s3: S3
  let folder: string
  before(async () => {
    s3 = await startS3(['lab'])
    folder = makeTree({
      'dfsp.config': `[broker]
bootstrap.servers = ${broker}
[s3]
access_key_id = $ACCESS_KEY_ID
secret_key_id = $SECRET_KEY_ID
endpoint_url = $ENDPOINT_URL
region = us-east-1
`,
    })
  })
  after(async () => {
    removeTree(folder)
    await s3.end()
  })

  const credentials = () => ({
    ACCESS_KEY_ID: s3.accessKey,
    SECRET_KEY_ID: s3.secretKey,
    ENDPOINT_URL: s3.endpoint,
  })

  test('1,000 small files and a large one from disk, the server killed in between: none is missing, all are equal', async () => {
    const topic = uniqueName('s3')
    await createTopic(broker, topic, 4)
    const sent = join(folder, 'sent')
    fs.mkdirSync(join(sent, 'run 7'), { recursive: true })
    for (let i = 0; i < SMALL; i++)
      fs.writeFileSync(join(sent, i % 2 ? 'run 7' : '', `${i}.dat`), randomBytes(1_000 + i))
    const large = fs.openSync(join(sent, 'zz_large.raw'), 'w')
    for (let at = 0; at < LARGE_BYTES; at += 1024 * 1024) fs.writeSync(large, randomBytes(1024 * 1024))
    fs.closeSync(large)
    const uploaded = await runCli(['upload', sent, '-b', broker, '-t', topic])
    assert.equal(uploaded.code, 0, uploaded.stderr)

    const run = startCli(
      ['run', '-p', 's3', '-t', topic, '--bucket', 'lab', '--mode', 'disk', '--delete-local'].concat([
        '-o',
        join(folder, 'out'),
        '--until-end',
        '--json',
      ]),
      { cwd: folder, env: credentials(), timeoutMs: 600_000 },
    )
    const killed = async () => {
      const told = run.stderr().length
      await s3.kill()
      await until(() => /ECONNREFUSED|ECONNRESET|socket hang up/.test(run.stderr().slice(told)))
      await s3.start()
    }
    await until(() => run.stdout().split('"result":"ok"').length > 200)
    await killed()
    await until(() => fs.existsSync(join(s3.bucketFolder('lab'), '.sgwtmp', 'multipart')))
    await killed()
    const { code, stdout, stderr } = await run.done
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`"done":${SMALL + 1},`))

    const stored = digests(join(s3.bucketFolder('lab'), topic))
    assert.deepEqual(stored, digests(sent))
    assert.equal(stored.size, SMALL + 1)
    assert.deepEqual(
      [...digests(join(folder, 'out')).keys()].filter(name => !name.startsWith('LOGS')),
      [],
      'what --delete-local left',
    )
  })

  test('from memory, too, large files go in parts and are equal', async () => {
    const topic = uniqueName('s3')
    await createTopic(broker, topic, 4)
    const sent = makeTree()
    const MIB = 1024 * 1024
    for (const bytes of [0, 16 * MIB, 16 * MIB + 1, 40 * MIB + 12_345])
      fs.writeFileSync(join(sent, `${bytes}.raw`), randomBytes(bytes))
    const uploaded = await runCli(['upload', sent, '-b', broker, '-t', topic])
    assert.equal(uploaded.code, 0, uploaded.stderr)
    const args = ['run', '-p', 's3', '-t', topic, '--bucket', 'lab', '--until-end']
    const { code, stderr } = await runCli(args, { cwd: folder, env: credentials(), timeoutMs: 300_000 })
    assert.equal(code, 0, stderr)
    assert.deepEqual(digests(join(s3.bucketFolder('lab'), topic)), digests(sent))
    removeTree(sent)
  })

  // Seen once to end by a signal in a whole run, and to leave the parts where the drain time is next to nothing.
  test('SIGTERM in the middle of a large upload: its parts are taken back before the process ends, and the next run sends it', {
    todo: 'the end of a thread that takes back parts',
  }, async () => {
    const topic = uniqueName('s3')
    await createTopic(broker, topic, 4)
    const sent = makeTree()
    const large = fs.openSync(join(sent, 'large.raw'), 'w')
    for (let at = 0; at < LARGE_BYTES; at += 1024 * 1024) fs.writeSync(large, randomBytes(1024 * 1024))
    fs.closeSync(large)
    const uploaded = await runCli(['upload', sent, '-b', broker, '-t', topic])
    assert.equal(uploaded.code, 0, uploaded.stderr)
    const args = [
      'run',
      '-p',
      's3',
      '-t',
      topic,
      '--bucket',
      'lab',
      '--mode',
      'disk',
      '-o',
      join(folder, 'late'),
    ]
    const place = { cwd: folder, env: credentials(), timeoutMs: 300_000 }
    const parts = () => {
      const at = join(s3.bucketFolder('lab'), '.sgwtmp', 'multipart')
      return fs.existsSync(at)
        ? fs.readdirSync(at, { recursive: true }).filter(name => /\d$/.test(String(name)))
        : []
    }
    const run = startCli([...args, '--drain-timeout', '500ms'], place)
    await until(() => parts().length > 0)
    run.kill('SIGTERM')
    const { code, stderr } = await run.done
    assert.equal(code, 75, stderr)
    assert.deepEqual(parts(), [], stderr)
    const again = await runCli([...args, '--until-end'], place)
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(digests(join(s3.bucketFolder('lab'), topic)), digests(sent))
    removeTree(sent)
  })
})

function digests(folder: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    found.set(file.slice(folder.length + 1), createHash('sha256').update(fs.readFileSync(file)).digest('hex'))
  }
  return new Map([...found].sort())
}
