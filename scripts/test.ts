/**
 * Runs the tests: `npm test [-- FILE.. OPTION..]`, `npm run test:quick`.
 *
 * Test files are found by walking test/ and plugins/; those in test/real/ need the real peers: one Kafka broker, started here
 * for all of them and stopped at the end, and OpenMSIStream. Where a peer cannot be had its tests are skipped
 * with the reason, except with CI=true, where that is a failure (but for the S3 server, which Go compiles from its
 * source). Options go to node's test runner.
 */

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Guarded, startGuarded } from '../test/support/guarded.ts'
import { type Kafka, startKafka } from '../test/support/kafka.ts'
import { openMSIStreamBin } from '../test/support/openmsistream-venv.ts'
import { versitygw } from '../test/support/versitygw.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const REAL = join('test', 'real') + sep
const SECONDS_TO_STOP = 5

const quick = process.argv.includes('--quick')
const given = process.argv.slice(2).filter(argument => argument !== '--quick')
const paths = given.filter(argument => existsSync(argument))
const missing = given.find(argument => argument.endsWith('.ts') && !existsSync(argument))
if (missing) fail(`${missing} does not exist`)
const options = given.filter(argument => !paths.includes(argument))

const chosen = (paths.length > 0 ? paths : [join(ROOT, 'test'), join(ROOT, 'plugins')]).flatMap(testFiles)
const files = chosen.filter(file => !(quick && isReal(file)))
if (files.length === 0) fail(`no test files in ${paths.join(', ') || 'test/'}`)

let kafka: Kafka | undefined
let tests: Guarded | undefined
let interrupted = 0
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const)
  process.on(signal, () => {
    interrupted = 128 + number
    if (tests) stopGroup(tests.pid)
  })

const env: NodeJS.ProcessEnv = { ...process.env }
if (files.some(isReal)) {
  await peer('BROKER', async () => {
    kafka = await startKafka()
    return kafka.brokers
  })
  await peer('OPENMSISTREAM', openMSIStreamBin)
  if (files.some(file => file.endsWith('s3.test.ts'))) await peer('S3', versitygw, 'optional')
}
let status = interrupted
if (status === 0) {
  tests = await startGuarded(process.execPath, runnerArguments(), { output: 'inherit', env })
  const { code, signal } = await tests.join()
  status = interrupted || (code ?? (signal ? 1 : 0))
}
await kafka?.end()
process.exit(status)

/** Makes a peer ready and tells the tests: its address, or why there is none. */
async function peer(name: string, start: () => Promise<string>, need?: 'optional'): Promise<void> {
  try {
    env[`DFSP_TEST_${name}`] = await start()
  } catch (error) {
    const reason = (error as Error).message
    if (process.env.CI === 'true' && need !== 'optional') {
      await kafka?.end()
      fail(reason)
    }
    console.error(`test: some tests will be skipped: ${reason}`)
    env[`DFSP_TEST_NO_${name}`] = reason
  }
}

function runnerArguments(): string[] {
  const chosenReporter = options.some(option => option.startsWith('--test-reporter'))
  return [
    '--import=tsx',
    '--test',
    `--test-concurrency=${quick ? 3 : 2}`, // the quick ones wait more than they work
    // Of a whole file: a hanging test must not hang the run, a slow machine must not end it.
    '--test-timeout=1800000',
    ...(chosenReporter ? [] : ['--test-reporter=spec']),
    ...options,
    ...files,
  ]
}

function testFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .sort()
    .map(name => join(path, name))
}

function isReal(file: string): boolean {
  return relative(ROOT, file).startsWith(REAL)
}

function stopGroup(pid: number): void {
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-pid, name)
    } catch {
      // It has ended by itself.
    }
  }
  signal('SIGTERM')
  setTimeout(() => signal('SIGKILL'), SECONDS_TO_STOP * 1000).unref()
}

function fail(reason: string): never {
  console.error(`test: ${reason}`)
  process.exit(1)
}
