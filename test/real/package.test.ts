import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { nodeHeaders } from '../../scripts/node-headers.mjs'
import { type CliResult, runCli } from '../support/cli.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

// Installs from the registry and compiles the client, as on a user's machine: about a minute.
let folder: string
let files: string[]
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfsp-package-'))
  // dist/ is built already; building it here would take it away from the tests that run beside.
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
  })
  const [packed] = Object.values(JSON.parse(stdout)) as { filename: string; files: { path: string }[] }[]
  assert.ok(packed)
  files = packed.files.map(file => file.path)
  await run('npm', ['install', '--global', '--prefix', folder, join(folder, packed.filename)], {
    cwd: folder,
    env: { ...process.env, CKJS_LINKING: 'dynamic', ...(await nodeHeaders(console.error)) },
  })
})
after(() => rm(folder, { recursive: true, force: true }))

function installed(...args: string[]): Promise<CliResult> {
  return runCli(args, { program: join(folder, 'bin', 'dfsp'), cwd: folder })
}

test('the package holds the program and its types, and no sources, tests or stamps', () => {
  for (const file of ['bin/dfsp.js', 'dist/bundle/main.js', 'dist/index.d.ts', 'LICENSE', 'package.json'])
    assert.ok(files.includes(file), `${file} is not in ${files.join(' ')}`)
  assert.deepEqual(
    files.filter(file => /^(src|test|scripts|bench|node_modules)\/|(^|\/)\./.test(file)),
    [],
  )
})

test('everything that package.json exports is in the package', async () => {
  const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const targets = Object.values(exports).flatMap(target =>
    typeof target === 'string' ? [target] : Object.values(target as Record<string, string>),
  )
  for (const target of targets)
    assert.ok(existsSync(join(folder, 'lib', 'node_modules', 'dfsp', target)), `${target} is missing`)
})

test('an installed dfsp tells its version', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const { code, stdout, stderr } = await installed('--version')
  assert.deepEqual({ code, stdout: stdout.trim(), stderr }, { code: 0, stdout: version, stderr: '' })
})

test('an installed dfsp runs the demo without Kafka and names the files it processed', async () => {
  const { code, stdout, stderr } = await installed('demo')
  assert.equal(code, 0, stderr)
  assert.match(stdout + stderr, /\b[\w/]+\.csv\b/)
})
