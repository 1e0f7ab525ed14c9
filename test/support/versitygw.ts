/** A real S3 server for the tests: versitygw as its own process, each object a file below `folder/<bucket>/`. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, openSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './cache.ts'
import { type Guarded, startGuarded } from './guarded.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

export const VERSITYGW_VERSION = '1.8.0'
const MODULE = 'github.com/versity/versitygw/cmd/versitygw'
const run = promisify(execFile)

const program = process.env.DFSP_TEST_S3 ?? ''

/** Why tests that need the S3 server are skipped, or false. */
export const noS3 =
  program === '' && (process.env.DFSP_TEST_NO_S3 ?? 'no S3 server: run it by npm test -- <file>')

/**
 * The server's program, compiled on first use (two minutes).
 * Rejects with the reason when Go or its modules cannot be had.
 */
export async function versitygw(): Promise<string> {
  const folder = cacheFolder(`versitygw-${VERSITYGW_VERSION}`)
  const program = join(folder, 'versitygw')
  if (existsSync(program)) return program
  await mustRun('go', ['version'], {}, 'the S3 server of the tests needs Go')
  const own = join(folder, `build-${process.pid}`)
  const env = { GOPATH: own, GOBIN: join(own, 'bin'), GOCACHE: join(own, 'cache'), GOFLAGS: '-modcacherw' }
  try {
    const release = `${MODULE}@v${VERSITYGW_VERSION}`
    await mustRun('go', ['install', release], env, `go could not install ${release}`)
    await rename(join(own, 'bin', 'versitygw'), program)
  } finally {
    await rm(own, { recursive: true, force: true })
  }
  return program
}

export type S3 = {
  endpoint: string
  accessKey: string
  secretKey: string
  /** The bucket's content, as files. */
  bucketFolder(bucket: string): string
  /** Ends it as a power cut does (SIGKILL); its objects and port stay for `start`. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it and removes its folder. */
  end(): Promise<void>
}

export async function startS3(buckets: readonly string[]): Promise<S3> {
  const folder = await mkdtemp(join(tmpdir(), 'dfsp-s3-'))
  const objects = join(folder, 'objects')
  for (const bucket of buckets) mkdirSync(join(objects, bucket), { recursive: true })
  const [port = 0] = await freePorts(1)
  const [accessKey, secretKey] = ['lab', 'lab-secret']
  let running: Guarded | undefined
  const s3: S3 = {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey,
    bucketFolder: bucket => join(objects, bucket),
    async kill() {
      await running?.stop('SIGKILL')
      running = undefined
    },
    async start() {
      running = await startGuarded(
        program,
        ['--keep-alive', '--port', `127.0.0.1:${port}`, 'posix', objects],
        {
          output: openSync(join(folder, 's3.log'), 'a'),
          env: { ...process.env, ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
          removeOnDeath: folder,
        },
      )
      await until(() => answers(port))
    },
    async end() {
      await s3.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await s3.start()
  return s3
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

async function mustRun(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  reason: string,
): Promise<void> {
  await run(command, args, { env: { ...process.env, ...env } }).catch(
    (error: Error & { stderr?: string }) => {
      throw new Error(`${reason}: ${(error.stderr || error.message).trim().split('\n').at(-1)}`)
    },
  )
}
