/** Sends each file to an S3 bucket as `<topic>/<path>`: `dfsp run -p s3 -t xrd --bucket lab`. */
import { createHash } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Readable } from 'node:stream'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import type { Context, DataFile } from 'dfsp'

export const options = {
  bucket: { type: 'string', describe: 'bucket to send to (or bucket_name in [s3])' },
  endpoint: { type: 'string', describe: "another vendor's server, as endpoint_url in [s3]" },
  region: { type: 'string', describe: 'region, as region in [s3]' },
  addressing: {
    type: 'string',
    choices: ['auto', 'path', 'virtual'],
    default: 'auto',
    describe: 'bucket in the path or in the host name; auto: in the path where there is an endpoint',
  },
  verify: {
    type: 'string',
    choices: ['read', 'checksum'],
    default: 'read',
    describe: 'read the object back, or have the server check a SHA-256 (saves the traffic)',
  },
  'delete-local': {
    type: 'boolean',
    default: false,
    describe: 'with --mode disk: remove the local file once the object is verified',
  },
} as const

type Ctx<S = unknown> = Context<typeof options, S>

interface State {
  readonly sdk: typeof import('@aws-sdk/client-s3') & typeof import('@aws-sdk/lib-storage')
  readonly client: S3Client
  readonly bucket: string
  /** Of attempts that were given up: their parts are being taken back. */
  readonly leaving: Set<Promise<unknown>>
}

const MIB = 1024 * 1024
/** Of a multipart upload; four of them are in memory at a time. */
const PART_BYTES = 16 * MIB
const MOST_PARTS = 10_000
/** By the SDK, within one attempt: what takes longer is dfsp's to try again. */
const TRIES = 3
const CONNECT_MS = 10_000
/** Without a byte from the server or to it. */
const SILENT_MS = 30_000
/** What looking at the bucket may take at the start, and taking back parts at the end. */
const SHORT_MS = 10_000
/** dfsp ends a thread whose attempt goes on a second after it was given up. */
const LEAVING_MS = 700

export async function setup(ctx: Ctx): Promise<State> {
  const section = ctx.config.section('s3')
  const bucket = bucketName(ctx, section)
  const config = clientConfig(ctx, section)
  const sdk = loadSdk()
  const client = new sdk.S3Client(config)
  await checkBucket(client, sdk, bucket, ctx)
  return { sdk, client, bucket, leaving: new Set() }
}

export async function teardown(ctx: Ctx<State>): Promise<void> {
  await Promise.allSettled(ctx.state.leaving)
  ctx.state.client.destroy()
}

export default async function s3(file: DataFile, ctx: Ctx<State>): Promise<Error | null> {
  const { bucket } = ctx.state
  const name = `${bucket}/${file.topic}/${file.path}`
  const checksum = ctx.options.verify === 'checksum'
  try {
    const put = await sent(file, ctx)
    if (checksum && !put.ChecksumSHA256)
      return new Error(`${name}: the server confirmed no SHA-256: use --verify read`)
  } catch (error) {
    return told(error, `${name} could not be put`, 's3:PutObject')
  }
  if (!checksum) {
    try {
      const stored = await storedSha512(ctx, `${file.topic}/${file.path}`)
      if (stored !== file.sha512)
        return new Error(`${name}: what was stored has another content (SHA-512 ${stored})`)
    } catch (error) {
      return told(
        error,
        `${name} was put, but could not be read back`,
        's3:GetObject, or --verify checksum, which reads nothing back',
      )
    }
  }
  if (ctx.options['delete-local'] && file.diskPath !== undefined) await unlink(file.diskPath)
  ctx.logger.debug('stored', { object: name, bytes: file.size })
  return null
}

/** Puts the object, in parts where it is large. Given up, it ends what is on its way and takes the parts back. */
async function sent(file: DataFile, ctx: Ctx<State>) {
  const { sdk, client, bucket, leaving } = ctx.state
  const { signal } = ctx
  const params = {
    Bucket: bucket,
    Key: `${file.topic}/${file.path}`,
    Metadata: metadata(file),
    ...(ctx.options.verify === 'checksum' ? { ChecksumAlgorithm: 'SHA256' as const } : {}),
  }
  if (file.size <= PART_BYTES)
    return await client.send(new sdk.PutObjectCommand({ ...params, Body: file.bytes }), {
      abortSignal: signal,
    })
  const send = (command: Parameters<S3Client['send']>[0]) => {
    // Of an upload that begins just now the id must come to be known, and taking it back must not be given up.
    const lasts =
      command instanceof sdk.CreateMultipartUploadCommand ||
      command instanceof sdk.AbortMultipartUploadCommand
    return client.send(command, { abortSignal: lasts ? AbortSignal.timeout(SHORT_MS) : signal })
  }
  const upload = new sdk.Upload({
    client: Object.assign(Object.create(client), { send }),
    partSize: Math.max(PART_BYTES, Math.ceil(file.size / MOST_PARTS)),
    params: { ...params, Body: file.stream() },
  })
  const done = upload.done()
  const left = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      leaving.add(done)
      setTimeout(reject, LEAVING_MS, signal.reason).unref()
    })
  })
  left.catch(() => {})
  return await Promise.race([done, left])
}

/** `mtime` in the form that rclone reads and writes. */
function metadata(file: DataFile): Record<string, string> {
  return {
    sha512: file.sha512,
    ...(file.mtime === null ? {} : { mtime: String(file.mtime.getTime() / 1000) }),
  }
}

async function storedSha512(ctx: Ctx<State>, key: string): Promise<string> {
  const { sdk, client, bucket } = ctx.state
  const get = new sdk.GetObjectCommand({ Bucket: bucket, Key: key })
  const { Body } = await client.send(get, { abortSignal: ctx.signal })
  const hash = createHash('sha512')
  for await (const piece of Body as Readable) hash.update(piece)
  return hash.digest('hex')
}

/** As a URL or as its host alone; throws where it can be no server's. */
function endpointUrl(ctx: Ctx, section: Readonly<Record<string, string>>): string | undefined {
  const given = (ctx.options.endpoint ?? section.endpoint_url)?.trim()
  if (!given) return undefined
  const url = given.includes('://') ? given : `https://${given}`
  if (/^https?:\/\/[^/]/i.test(url) && URL.canParse(url)) return url
  const why = /^https?:\/\//i.test(url) ? 'names no server' : 'is no address of http:// or https://'
  throw new Error(`${endpointPlace(ctx)}: "${given}" ${why}: https://s3.example.org:9000 is one`)
}

const endpointPlace = ({ options }: Ctx) =>
  options.endpoint === undefined ? 'endpoint_url in [s3]' : '--endpoint'
const regionPlace = ({ options }: Ctx) =>
  options.region === undefined ? 'region in [s3], or --region' : '--region'

/** `s3://lab` is bucket `lab`. */
function bucketName(ctx: Ctx, section: Readonly<Record<string, string>>): string {
  const given = ctx.options.bucket ?? section.bucket_name
  if (!given) throw new Error('no bucket: give --bucket NAME, or bucket_name in [s3] of the config file')
  const name = given.trim().replace(/^s3:\/\/([^/]*)\/?$/i, '$1')
  if (/^arn:|^[\w.-]+$/.test(name)) return name
  const place = ctx.options.bucket === undefined ? 'bucket_name in [s3]' : '--bucket'
  throw new Error(`${place}: "${given}" is no name of a bucket; objects become <topic>/<path> in it`)
}

function clientConfig(ctx: Ctx, section: Readonly<Record<string, string>>): S3ClientConfig {
  const { addressing, verify } = ctx.options
  const endpoint = endpointUrl(ctx, section)
  const region = ctx.options.region ?? section.region
  const { access_key_id: id, secret_key_id: secret, session_token: token } = section
  if (!id !== !secret) throw new Error('[s3] needs both access_key_id and secret_key_id, or neither')
  return {
    maxAttempts: TRIES,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENT_MS },
    retryMode: 'standard',
    forcePathStyle: addressing === 'path' || (addressing === 'auto' && Boolean(endpoint)),
    // Other vendors' servers refuse the checksums that Amazon's takes unasked.
    requestChecksumCalculation: verify === 'checksum' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint ? { endpoint } : {}),
    // Other vendors' servers seldom care about the region, but the SDK insists on one.
    ...(region ? { region } : endpoint && !process.env.AWS_REGION ? { region: 'us-east-1' } : {}),
    ...(id && secret
      ? {
          credentials: {
            accessKeyId: id,
            secretAccessKey: secret,
            ...(token ? { sessionToken: token } : {}),
          },
        }
      : {}),
  }
}

/** Optional: who sends nothing to S3 need not install its 10 MB. */
function loadSdk(): State['sdk'] {
  // It would print on every start which Node versions it is going to leave behind.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const require = createRequire(import.meta.url)
  try {
    // As CommonJS, which it is: import() reads all of it once more for the names of its exports, half of its time.
    return { ...require('@aws-sdk/client-s3'), ...require('@aws-sdk/lib-storage') }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    throw new Error(
      'the AWS SDK is not installed beside dfsp: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage (with -g where dfsp is)',
    )
  }
}

/** Refuses at the start what no retry would mend; a server that is down may be up in a moment. */
async function checkBucket(client: S3Client, sdk: State['sdk'], bucket: string, ctx: Ctx): Promise<void> {
  const look = { abortSignal: AbortSignal.timeout(SHORT_MS) }
  try {
    await client.send(new sdk.HeadBucketCommand({ Bucket: bucket }), look)
  } catch (error) {
    // The answer to a HEAD has no text: that to a GET says what is wrong.
    const isRefusal = (statusOf(error) ?? 500) < 500
    const list = new sdk.ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 })
    const detail = isRefusal
      ? await client.send(list, look).then(
          () => error,
          given => given,
        )
      : error
    const at = await place(client)
    const why = hopeless(detail, bucket, at, ctx)
    if (why !== undefined) throw new Error(why)
    if (statusOf(detail) === 403)
      ctx.logger.warn(`bucket ${bucket}: these credentials may not look at it (HTTP 403)`)
    else if (look.abortSignal.aborted)
      ctx.logger.warn(`bucket ${bucket} cannot be looked at: no answer${at} for ${SHORT_MS / 1000} s`)
    else ctx.logger.warn(told(detail, `bucket ${bucket} cannot be looked at`).message)
  }
}

/** Why it will never work with these settings; undefined where it may. */
function hopeless(error: unknown, bucket: string, at: string, ctx: Ctx): string | undefined {
  const { name, message, code = '', Region, $response } = error as SdkError
  const status = statusOf(error)
  if (name === 'CredentialsProviderError')
    return `no credentials: access_key_id and secret_key_id in [s3], AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile (${message})`
  if (/Region is missing/.test(message)) return `no region: ${regionPlace(ctx)}, or AWS_REGION`
  if (UNKNOWN_KEY.test(name))
    return `the server${at} does not know the access key: access_key_id in [s3], or where else it comes from`
  if (name === 'SignatureDoesNotMatch')
    return `the secret key is not that of the access key: secret_key_id in [s3], or where else it comes from`
  const region = Region ?? $response?.headers?.['x-amz-bucket-region']
  if (status === 301 || name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed')
    return `bucket ${bucket} is in ${region ? `region ${region}` : 'another region'}: ${regionPlace(ctx)}`
  if (name === 'InvalidBucketName') return `${bucket} can be the name of no bucket (${message})`
  if (name === 'NoSuchBucket' || name === 'NotFound') return `there is no bucket ${bucket}${at}`
  if (status === 404) return told(error, `bucket ${bucket}${at} cannot be used`).message
  const endpoint = endpointPlace(ctx)
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return `${endpoint}: the server${at} does not speak TLS, so https:// is wrong: http:// if that is meant`
  if (code.startsWith('HPE_'))
    return `${endpoint}: what answers${at} does not speak HTTP: https:// if that is meant`
  if (status === 400)
    return `${endpoint}: the server${at} refuses requests (HTTP 400): https:// if it wants TLS`
  if (/CERT|SIGNATURE|SELF_SIGNED/.test(code))
    return `${endpoint}: the certificate of the server${at} is not trusted (${code}): NODE_EXTRA_CA_CERTS names a file of further authorities`
  return undefined
}

async function place(client: S3Client): Promise<string> {
  const endpoint = await client.config.endpoint?.()
  return endpoint === undefined ? '' : ` at ${endpoint.hostname}${endpoint.port ? `:${endpoint.port}` : ''}`
}

interface SdkError extends Error {
  readonly code?: string
  readonly errors?: readonly SdkError[]
  readonly Region?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
}

const statusOf = (error: unknown) => (error as SdkError).$metadata?.httpStatusCode

/** Amazon's word for it, and versitygw's. */
const UNKNOWN_KEY = /^(InvalidAccessKeyId|XAdminUserNotFound)$/

/** Answers that every other file would get. */
const OF_ALL =
  /^(NoSuchBucket|XAdminUserNotFound|ExpiredToken|RequestTime(out|TooSkewed)|SlowDown|InternalError|ServiceUnavailable)$/

/** An answer of the server that meets one file, by its status, is not the environment's; no answer always is. */
function isEnvironment(error: unknown): boolean {
  const { name, code } = error as SdkError
  const status = statusOf(error)
  if (OF_ALL.test(name)) return true
  if (status === undefined)
    return code !== undefined || name === 'TimeoutError' || name === 'CredentialsProviderError'
  return status === 301 || status === 401 || status === 403 || status === 429 || status >= 500
}

/** What the server said, or why it could not be asked, and the right that may be missing. */
function told(error: unknown, about: string, right = ''): Error {
  const { name, message, cause, code, errors } = error as SdkError
  const status = statusOf(error)
  // A refused connection comes without a text of its own, and the SDK calls whatever ends a connection a time-out.
  const text = message || errors?.[0]?.message || (cause as Error | undefined)?.message || code || ''
  const isPlain =
    name === 'Error' || name === 'AggregateError' || text.includes(name) || /\bE[A-Z]{4,}\b/.test(text)
  let said = isPlain ? text : `${name}: ${text}`
  if (text === 'aborted') said = 'the connection was closed before the end (ECONNRESET)'
  if (name === 'TimeoutError' && /inactivity|establish/.test(text))
    said = `no answer for ${SILENT_MS / 1000} s`
  const http = status === undefined ? '' : ` (HTTP ${status})`
  const missing = status === 403 && right !== '' ? `; these credentials need ${right}` : ''
  const failure = new Error(`${about}: ${said}${http}${missing}`)
  return isEnvironment(error) ? Object.assign(failure, { code: 'E_ENVIRONMENT' }) : failure
}
