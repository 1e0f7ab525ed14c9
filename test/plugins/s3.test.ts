import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileFrom, runPlugin } from 'dfsp/testing'
import * as s3 from '../../plugins/s3.ts'
import { runCli } from '../support/cli.ts'
import { makeTree, removeTree } from '../support/trees.ts'

/** Just enough of S3 to misbehave as a test wants it: what real servers do is in test/real/s3.test.ts. */
describe('s3', () => {
  let server: Server
  let stored: Map<string, { body: Buffer; headers: NodeJS.Dict<string | string[]> }>
  /** Statuses of the next answers to PUT, instead of storing. */
  let refusals: number[]
  let returned: (body: Buffer) => Buffer
  let endpoint: string

  before(async () => {
    server = createServer(async (request, response) => {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece)
      const key = decodeURIComponent((request.url ?? '').replace(/\?.*/, ''))
      if (request.method === 'HEAD') response.statusCode = key.startsWith('/lab') ? 200 : 404
      if (request.method === 'PUT') {
        const refused = refusals.shift()
        if (refused !== undefined) {
          response.statusCode = refused
          response.end(
            '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
          )
          return
        }
        stored.set(key, { body: Buffer.concat(pieces), headers: request.headers })
        response.setHeader('ETag', '"x"')
      }
      response.end(request.method === 'GET' ? returned(stored.get(key)?.body ?? Buffer.alloc(0)) : undefined)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  beforeEach(() => {
    stored = new Map()
    refusals = []
    returned = body => body
  })
  after(() => server.close())

  const section = () => ({
    access_key_id: 'lab',
    secret_key_id: 'secret',
    endpoint_url: endpoint,
    region: 'here',
  })
  const send = (path: string, options: object = {}) =>
    runPlugin(s3, fileFrom({ path, content: '1,2\n', mtime: new Date(1_700_000_000_500) }), {
      options: { bucket: 'lab', ...options },
      config: { s3: section() },
      topic: 'xrd',
    })

  test('the key is <topic>/<path>, whatever the names hold, and the object tells SHA-512 and time', async () => {
    const { result } = await send('run 7/größe;+&=.csv')
    assert.equal(result, null)
    const object = stored.get('/lab/xrd/run 7/größe;+&=.csv')
    assert.equal(object?.body.toString(), '1,2\n')
    assert.match(String(object?.headers['x-amz-meta-sha512']), /^[0-9a-f]{128}$/)
    assert.equal(object?.headers['x-amz-meta-mtime'], '1700000000.5')
    assert.match(String(object?.headers.authorization), /Credential=lab\/\d+\/here\/s3\//)
  })

  test('a server that asks for patience or fails is asked again', async () => {
    refusals = [503, 500]
    assert.equal((await send('a.csv')).result, null)
    assert.equal(stored.size, 1)
  })

  test('what the server refuses for good fails the file with its words', async () => {
    refusals = Array(20).fill(503)
    const { result } = await send('a.csv')
    assert.equal(result?.message, 'lab/xrd/a.csv: SlowDown: Please reduce your request rate. (HTTP 503)')
  })

  test('an object that is not what was sent fails the file', async () => {
    returned = () => Buffer.from('1,3\n')
    assert.match(
      (await send('a.csv')).result?.message ?? '',
      /lab\/xrd\/a\.csv: what was stored has another content/,
    )
  })

  test('--verify checksum fails the file where the server confirms none', async () => {
    const { result } = await send('a.csv', { verify: 'checksum' })
    assert.match(result?.message ?? '', /confirmed no SHA-256: use --verify read/)
    assert.ok(stored.get('/lab/xrd/a.csv')?.headers['x-amz-checksum-sha256'])
  })

  for (const [missing, options, config, message] of [
    ['a bucket that does not exist', { bucket: 'nope' }, {}, /there is no bucket nope at 127\.0\.0\.1:\d+/],
    ['no bucket', {}, {}, /no bucket: give --bucket NAME/],
    ['half of the credentials', { bucket: 'lab' }, { secret_key_id: '' }, /needs both access_key_id and/],
  ] as const)
    test(`${missing} ends the run before its first file`, async () => {
      const run = runPlugin(s3, fileFrom({ path: 'a', content: '' }), {
        options,
        config: { s3: { ...section(), ...config } },
      })
      await assert.rejects(run, { message })
    })

  test('without the AWS SDK it says how to install it', async () => {
    const folder = makeTree({ 'package.json': '{"type":"module"}', 'a.csv': '1' })
    copyFileSync(new URL('../../dist/plugins/s3.js', import.meta.url), join(folder, 's3.js'))
    const { code, stderr } = await runCli(['try', './s3.js', 'a.csv', '--bucket', 'lab'], { cwd: folder })
    removeTree(folder)
    assert.equal(code, 78)
    assert.match(stderr, /E_PLUGIN.*\n.*npm install @aws-sdk\/client-s3 @aws-sdk\/lib-storage/)
  })
})
