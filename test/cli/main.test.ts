/** The program as a process: exit statuses, streams, and what it does not load. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folder } from './world.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const TSX = import.meta.resolve('tsx')
/** Writes the URL of each module that is loaded to stderr. */
const LOADED = `data:text/javascript,${encodeURIComponent(`
import { register } from 'node:module'
register('data:text/javascript,' + encodeURIComponent(\`
import { writeSync } from 'node:fs'
export function load(url, context, next) { writeSync(2, 'loads ' + url + '\\\\n'); return next(url, context) }
\`))`)}`

function run(argv: readonly string[], cwd: string, imports: readonly string[] = []) {
  const flags = [TSX, ...imports].flatMap(url => ['--import', url])
  return spawnSync(process.execPath, [...flags, MAIN, ...argv], {
    cwd,
    encoding: 'utf8',
    env: { PATH: '', HOME: cwd },
  })
}

test('--version prints the version of the package', t => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const { status, stdout } = run(['--version'], folder(t))
  assert.deepEqual([status, stdout], [0, `${version}\n`])
})

test('an error is told on stderr and ends with its status', t => {
  const { status, stdout, stderr } = run(['config', 'path'], folder(t))
  assert.deepEqual([status, stdout], [66, ''])
  assert.match(
    stderr,
    /^dfsp: there is no config file \[E_NOT_FOUND\]\n {2}looked for .*\nTry: dfsp init config\n$/,
  )
})

test('with --json the error is a line on stdout, too', t => {
  const { status, stdout } = run(['config', 'show', '--json', '-X', 'linger=1'], folder(t))
  assert.equal(status, 2)
  const { v, type, code, next } = JSON.parse(stdout)
  assert.deepEqual([v, type, code, next], [1, 'error', 'E_USAGE', 'did you mean "linger.ms"?'])
})

test('a stack is shown with --debug only', t => {
  const cwd = folder(t)
  assert.doesNotMatch(run(['config', 'path'], cwd).stderr, /^ {4}at /m)
  assert.match(run(['config', 'path', '--debug'], cwd).stderr, /^ {4}at /m)
})

test('a reader that has enough ends it quietly', async t => {
  const cwd = folder(t)
  const child = spawn(process.execPath, ['--import', TSX, MAIN, 'config', 'show', '-X', 'list'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const status = await new Promise(resolve => child.on('close', resolve))
  assert.deepEqual([status, stderr], [0, ''])
})

test('--version and --help load neither client, winston nor yargs; help of a command only yargs', t => {
  const cwd = folder(t)
  const packages = (argv: string[]) => {
    const loaded = run(argv, cwd, [LOADED]).stderr.match(/^loads .*node_modules\/(@[^/]+\/)?[^/]+/gm) ?? []
    return new Set(loaded.map(url => url.replace(/.*node_modules\//, '')))
  }
  for (const argv of [['--version'], ['--help'], ['help']]) {
    const found = packages(argv)
    for (const name of ['@confluentinc/kafka-javascript', 'winston'])
      assert.ok(!found.has(name), `${argv}: ${name}`)
    assert.equal(found.has('yargs'), argv[0] === 'help')
  }
  for (const command of ['run', 'config', 'init']) {
    const found = packages([command, '--help'])
    assert.ok(found.has('yargs'))
    for (const name of ['@confluentinc/kafka-javascript', 'winston'])
      assert.ok(!found.has(name), `${command}: ${name}`)
  }
})
