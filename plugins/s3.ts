/** Sends each file to an S3 bucket as `<topic>/<path>`: `dfsp run -p s3 -t xrd --bucket lab`. */
import { createHash } from 'node:crypto'
import { unlink } from 'node:fs/promises'
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
}

const MIB = 1024 * 1024
/** Of a multipart upload; four of them are in memory at a time. */
const PART_BYTES = 16 * MIB
const MOST_PARTS = 10_000
/** By the SDK, within one attempt, a few seconds in all: what takes longer is dfsp's to try again. */
const TRIES = 5

export async function setup(ctx: Ctx): Promise<State> {
  const section = ctx.config.section('s3')
  const bucket = ctx.options.bucket ?? section.bucket_name
  if (!bucket) throw new Error('no bucket: give --bucket NAME, or bucket_name in [s3] of the config file')
  const sdk = await loadSdk()
  const client = new sdk.S3Client(clientConfig(ctx, section))
  await checkBucket(client, sdk, bucket, ctx)
  return { sdk, client, bucket }
}

export function teardown(ctx: Ctx<State>): void {
  ctx.state.client.destroy()
}

export default async function s3(file: DataFile, ctx: Ctx<State>): Promise<Error | null> {
  const { sdk, client, bucket } = ctx.state
  const key = `${file.topic}/${file.path}`
  const checksum = ctx.options.verify === 'checksum'
  const upload = new sdk.Upload({
    client,
    partSize: Math.max(PART_BYTES, Math.ceil(file.size / MOST_PARTS)),
    params: {
      Bucket: bucket,
      Key: key,
      Body: file.size > PART_BYTES ? file.stream() : file.bytes,
      Metadata: metadata(file),
      ...(checksum ? { ChecksumAlgorithm: 'SHA256' } : {}),
    },
  })
  const abort = () => void upload.abort()
  ctx.signal.addEventListener('abort', abort)
  try {
    const put = await upload.done()
    if (checksum && !put.ChecksumSHA256)
      return new Error(`${bucket}/${key}: the server confirmed no SHA-256: use --verify read`)
    if (!checksum) {
      const stored = await storedSha512(ctx, key)
      if (stored !== file.sha512)
        return new Error(`${bucket}/${key}: what was stored has another content (SHA-512 ${stored})`)
    }
  } catch (error) {
    return told(error, `${bucket}/${key}`)
  } finally {
    ctx.signal.removeEventListener('abort', abort)
  }
  if (ctx.options['delete-local'] && file.diskPath !== undefined) await unlink(file.diskPath)
  ctx.logger.debug('stored', { bucket, key, bytes: file.size })
  return null
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

function clientConfig(ctx: Ctx, section: Readonly<Record<string, string>>): S3ClientConfig {
  const { addressing, verify } = ctx.options
  const endpoint = ctx.options.endpoint ?? section.endpoint_url
  const region = ctx.options.region ?? section.region
  const { access_key_id: id, secret_key_id: secret, session_token: token } = section
  if (!id !== !secret) throw new Error('[s3] needs both access_key_id and secret_key_id, or neither')
  return {
    maxAttempts: TRIES,
    retryMode: 'standard',
    forcePathStyle: addressing === 'path' || (addressing === 'auto' && Boolean(endpoint)),
    // Other vendors' servers refuse the checksums that Amazon's takes unasked.
    requestChecksumCalculation: verify === 'checksum' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint ? { endpoint: /^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}` } : {}),
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
async function loadSdk(): Promise<State['sdk']> {
  // It would print on every start which Node versions it is going to leave behind.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  try {
    const [s3, storage] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')])
    return { ...s3, ...storage }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error(
      'the AWS SDK is not installed beside dfsp: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage (with -g where dfsp is)',
    )
  }
}

/** Refuses at the start what no retry would mend; a server that is down may be up in a moment. */
async function checkBucket(client: S3Client, sdk: State['sdk'], bucket: string, ctx: Ctx): Promise<void> {
  try {
    await client.send(new sdk.HeadBucketCommand({ Bucket: bucket }))
  } catch (error) {
    const { name, message } = error as Error
    if (name === 'NotFound' || name === 'NoSuchBucket')
      throw new Error(`there is no bucket ${bucket}${await place(client)}`)
    if (name === 'CredentialsProviderError')
      throw new Error(
        `no credentials: access_key_id and secret_key_id in [s3], AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile (${message})`,
      )
    if (/Region is missing/.test(message))
      throw new Error('no region: --region, region in [s3], or AWS_REGION')
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
    // Right for credentials that may only write; a HEAD's answer has no text that says more.
    if (status === 403) ctx.logger.warn(`bucket ${bucket}: these credentials may not look at it (HTTP 403)`)
    else ctx.logger.warn(told(error, `bucket ${bucket} cannot be looked at`).message)
  }
}

async function place(client: S3Client): Promise<string> {
  const endpoint = await client.config.endpoint?.()
  return endpoint === undefined ? '' : ` at ${endpoint.hostname}${endpoint.port ? `:${endpoint.port}` : ''}`
}

/** What the server said, or why it could not be asked: a refused connection comes without a text of its own. */
function told(error: unknown, about: string): Error {
  const { name, message, cause, ...more } = error as Error & {
    code?: string
    errors?: readonly Error[]
    $metadata?: { httpStatusCode?: number }
  }
  const status = more.$metadata?.httpStatusCode
  const text =
    message || more.errors?.[0]?.message || (cause as Error | undefined)?.message || more.code || ''
  const kind = name === 'Error' || name === 'AggregateError' || text.includes(name) ? '' : `${name}: `
  return new Error(`${about}: ${kind}${text}${status === undefined ? '' : ` (HTTP ${status})`}`)
}
