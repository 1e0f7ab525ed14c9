import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileFrom, runPlugin } from 'dfsp/testing'
import * as s3 from '../../plugins/s3.ts'
import { isEnvironmental } from '../../src/core/environment.ts'
import { runCli } from '../support/cli.ts'
import { makeTree, removeTree } from '../support/trees.ts'

/** Just enough of S3 to misbehave as a test wants it: what real servers do is in test/real/s3.test.ts. */
describe('s3', () => {
  let server: Server
  let stored: Map<string, { body: Buffer; headers: NodeJS.Dict<string | string[]> }>
  /** Statuses of the next answers to PUT, instead of storing. */
  let refusals: number[]
  let returned: (body: Buffer) => Buffer
  /** The code of refusals. */
  let code: string
  /** Status of the next answers to GET. */
  let readRefusal: number | undefined
  /** The answer to GET ends before its end. */
  let isCut: boolean
  let onPart: () => void
  let uploads: { begun: number; takenBack: number }
  let endpoint: string

  before(async () => {
    server = createServer(async (request, response) => {
      const pieces: Buffer[] = []
      try {
        for await (const piece of request) pieces.push(piece)
      } catch {
        return // given up by the client
      }
      const key = decodeURIComponent((request.url ?? '').replace(/\?.*/, ''))
      const refuse = (status: number, name: string) => {
        response.statusCode = status
        const said = name === 'SlowDown' ? 'Please reduce your request rate.' : 'as told'
        response.end(`<Error><Code>${name}</Code><Message>${said}</Message></Error>`)
      }
      const bucket = key.split('/')[1]
      if (bucket === 'far') {
        response.setHeader('x-amz-bucket-region', 'eu-north-1')
        return refuse(301, 'PermanentRedirect')
      }
      if (bucket === 'stranger') return refuse(403, 'InvalidAccessKeyId')
      if (bucket !== 'lab') return refuse(404, 'NoSuchBucket')
      if (request.method === 'POST' && request.url?.includes('?uploads')) {
        uploads.begun++
        return response.end(
          '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
        )
      }
      if (request.method === 'PUT' && request.url?.includes('uploadId=')) return onPart()
      if (request.method === 'DELETE' && request.url?.includes('uploadId=')) {
        uploads.takenBack++
        response.statusCode = 204
        return response.end()
      }
      if (request.method === 'GET' && readRefusal !== undefined) return refuse(readRefusal, code)
      if (request.method === 'GET' && isCut) {
        response.writeHead(200, { 'Content-Length': 1_000 })
        response.write('1')
        return setImmediate(() => response.destroy())
      }
      if (request.method === 'PUT') {
        const refused = refusals.shift()
        if (refused !== undefined) return refuse(refused, code)
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
    code = 'SlowDown'
    readRefusal = undefined
    isCut = false
    onPart = () => {}
    uploads = { begun: 0, takenBack: 0 }
    returned = body => body
  })
  after(() => {
    server.close()
    server.closeAllConnections()
  })

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
    const said = 'lab/xrd/a.csv could not be put: SlowDown: Please reduce your request rate. (HTTP 503)'
    assert.equal(result?.message, said)
    assert.ok(isEnvironmental(result as Error))
  })

  test('what is wrong with this object alone is no matter of the environment', async () => {
    refusals = [400]
    code = 'KeyTooLongError'
    const { result } = await send('a.csv')
    assert.match(result?.message ?? '', /^lab\/xrd\/a\.csv could not be put: KeyTooLongError/)
    assert.ok(!isEnvironmental(result as Error))
  })

  test('an object that may be put and not be read back says so, and which right or option helps', async () => {
    readRefusal = 403
    code = 'AccessDenied'
    const { result } = await send('a.csv')
    assert.match(
      result?.message ?? '',
      /was put, but could not be read back: AccessDenied.*\(HTTP 403\); these credentials need s3:GetObject, or --verify checksum/,
    )
  })

  test('a read-back that is cut says so, and is the environment', async () => {
    isCut = true
    const { result } = await send('a.csv')
    assert.match(
      result?.message ?? '',
      /was put, but could not be read back: the connection was closed before/,
    )
    assert.ok(isEnvironmental(result as Error))
  })

  test('a server that is gone is the environment, without words that mislead', async () => {
    const config = { s3: { ...section(), endpoint_url: 'http://127.0.0.1:1' } }
    const file = fileFrom({ path: 'a', content: 'x' })
    const { result, logged } = await runPlugin(s3, file, { options: { bucket: 'lab' }, config })
    assert.match(
      result?.message ?? '',
      /^lab\/test\/a could not be put: connect ECONNREFUSED 127\.0\.0\.1:1$/,
    )
    assert.ok(isEnvironmental(result as Error))
    assert.match(logged[0]?.message ?? '', /bucket lab cannot be looked at: connect ECONNREFUSED/)
  })

  test('a large upload that is given up takes its parts back before it ends', async () => {
    const given = new AbortController()
    const bytes = Buffer.alloc(40 * 1024 * 1024)
    onPart = () => given.abort(new Error('dfsp is stopping'))
    const run = runPlugin(s3, fileFrom({ path: 'big', content: bytes }), {
      options: { bucket: 'lab' },
      config: { s3: section() },
      signal: given.signal,
    })
    const { result } = await run
    assert.ok(result instanceof Error)
    assert.deepEqual(uploads, { begun: 1, takenBack: 1 })
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

  test('--bucket s3://lab is bucket lab', async () => {
    assert.equal((await send('a.csv', { bucket: 's3://lab/' })).result, null)
    assert.ok(stored.has('/lab/xrd/a.csv'))
  })

  for (const [missing, options, config, message] of [
    [
      'an endpoint without a server',
      {},
      { endpoint_url: 'http://' },
      /endpoint_url in \[s3\]: "http:\/\/" names no server/,
    ],
    [
      'an endpoint of another kind',
      { endpoint: 'htp://h' },
      {},
      /--endpoint: "htp:\/\/h" is no address of http/,
    ],
    [
      'a folder in the bucket',
      { bucket: 's3://lab/a/b' },
      {},
      /--bucket: "s3:\/\/lab\/a\/b" is no name of a bucket/,
    ],
    [
      'https to a plain port',
      {},
      { tls: 'yes' },
      /endpoint_url in \[s3\]: the server at 127.* does not speak TLS/,
    ],
    [
      'a bucket of another region',
      { bucket: 'far' },
      {},
      /bucket far is in region eu-north-1: region in \[s3\]/,
    ],
    [
      'an access key that the server does not know',
      { bucket: 'stranger' },
      {},
      /does not know the access key: access_key_id/,
    ],
    ['a bucket that does not exist', { bucket: 'nope' }, {}, /there is no bucket nope at 127\.0\.0\.1:\d+/],
    ['no bucket', {}, {}, /no bucket: give --bucket NAME/],
    ['half of the credentials', { bucket: 'lab' }, { secret_key_id: '' }, /needs both access_key_id and/],
  ] as const)
    test(`${missing} ends the run before its first file`, async () => {
      const plain = endpoint.replace('http://', '') // gets https put before it
      const run = runPlugin(s3, fileFrom({ path: 'a', content: '' }), {
        options: {
          ...('bucket_name' in config || missing === 'no bucket' ? {} : { bucket: 'lab' }),
          ...options,
        },
        config: { s3: { ...section(), ...('tls' in config ? { endpoint_url: plain } : config) } },
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
