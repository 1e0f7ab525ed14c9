import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const SCRIPTS = fileURLToPath(new URL('../scripts', import.meta.url))
const CLIENT = 'node_modules/@confluentinc/kafka-javascript'

// Stands for npm: writes down how it was called, installs one package, builds one file.
const NPM = `#!${process.execPath}
const { appendFileSync, copyFileSync, mkdirSync, writeFileSync } = require('node:fs')
appendFileSync('calls', process.argv.slice(2).join(' ') + ' CKJS_LINKING=' + process.env.CKJS_LINKING + '\\n')
if (process.env.NPM_FAILS) process.exit(1)
if (process.argv[2] === 'ci') {
  mkdirSync('${CLIENT}', { recursive: true })
  writeFileSync('${CLIENT}/index.js', process.env.CLIENT_THAT_COMES || '')
  copyFileSync('package-lock.json', 'node_modules/.package-lock.json')
} else {
  mkdirSync('dist', { recursive: true })
  writeFileSync('dist/index.js', '')
}
`
const CI = 'ci --no-audit --no-fund --loglevel=error CKJS_LINKING=dynamic\n'
const BUILD = 'run --silent build CKJS_LINKING=undefined\n'

let clone: string
beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), 'dfsp-clone-'))
  for (const folder of ['scripts', 'src', 'plugins', 'bin']) await mkdir(join(clone, folder))
  for (const script of ['setup.mjs', 'node-headers.mjs', 'bundle.mjs', 'man-page.mjs'])
    await copyFile(join(SCRIPTS, script), join(clone, 'scripts', script))
  await writeFile(join(clone, 'package.json'), '{"engines": {"node": ">=20.19"}}')
  await writeFile(join(clone, 'tsconfig.json'), '{}')
  await writeFile(join(clone, 'src', 'index.ts'), '')
  await lock('1.0.0')
  for (const tool of ['npm', 'g++', 'make', 'python3'])
    await writeFile(join(clone, 'bin', tool), NPM, { mode: 0o755 })
})
afterEach(() => rm(clone, { recursive: true }))

async function lock(version: string): Promise<void> {
  await writeFile(
    join(clone, 'package-lock.json'),
    JSON.stringify({ packages: { '': {}, [CLIENT]: { version } } }),
  )
}

/** Runs the clone's setup where only the clone's own tools are to be found; returns what it called and said. */
async function setup(env: Record<string, string> = {}) {
  await writeFile(join(clone, 'calls'), '')
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(clone, 'scripts', 'setup.mjs')], {
    env: { PATH: join(clone, 'bin'), npm_config_nodedir: clone, CKJS_LINKING: undefined, ...env },
    encoding: 'utf8',
  })
  return { status, said: stdout + stderr, calls: await readFile(join(clone, 'calls'), 'utf8') }
}

test('a bare clone gets its dependencies, with the client linked to the system, and is built', async () => {
  const { status, said, calls } = await setup()
  assert.equal(status, 0)
  assert.equal(calls, CI + BUILD)
  assert.match(said, /^setup: installing packages with npm ci: .*some minutes.*^setup: building$/ms)
})

test('a second run calls nothing, says nothing and takes little more than Node takes to start', async () => {
  await setup()
  const nothing = { status: 0, said: '', calls: '' }
  const least = async (work: () => unknown) => {
    const took: number[] = []
    for (let i = 0; i < 3; i++) {
      const start = performance.now()
      await work()
      took.push(performance.now() - start)
    }
    return Math.min(...took)
  }
  const second = await least(async () => assert.deepEqual(await setup(), nothing))
  const bare = await least(() => spawnSync(process.execPath, ['-e', '']))
  assert.ok(second < 10 * bare, `${second} ms, ${bare} ms to start Node`)
})

test('an edited, added or removed source is built again, and nothing else', async () => {
  await setup()
  await appendFile(join(clone, 'src', 'index.ts'), 'export {}')
  assert.equal((await setup()).calls, BUILD)
  await writeFile(join(clone, 'plugins', 'save.ts'), '')
  assert.equal((await setup()).calls, BUILD)
  await rm(join(clone, 'plugins', 'save.ts'))
  assert.equal((await setup()).calls, BUILD)
  await rm(join(clone, 'dist'), { recursive: true })
  assert.equal((await setup()).calls, BUILD)
})

test('a changed lockfile installs again', async () => {
  await setup()
  await lock('1.0.1')
  assert.equal((await setup()).calls, CI)
})

test('a client that does not load under this Node is installed again', async () => {
  await setup()
  await writeFile(join(clone, 'node_modules', '.dfsp-installed'), 'another ABI')
  await writeFile(join(clone, CLIENT, 'index.js'), 'throw new Error()')
  assert.equal((await setup()).calls, CI)
})

test('a client that still does not load is an error, which tells how to see why', async () => {
  const { status, said, calls } = await setup({ CLIENT_THAT_COMES: "throw new Error('another ABI')" })
  assert.equal(status, 1)
  assert.match(
    said,
    /^setup: the Kafka client was installed and does not load: node -e "require\('.*'\)" says why$/m,
  )
  assert.equal(calls, CI)
})

test("headers of another Node in npm's configuration are not used, and that is told", async () => {
  const headers = join(clone, 'other', 'include', 'node')
  const versionOf = (major: number) =>
    ['MAJOR', 'MINOR', 'PATCH']
      .map((part, i) => `#define NODE_${part}_VERSION ${i === 0 ? major : 0}`)
      .join('\n')
  await mkdir(headers, { recursive: true })
  const nodedir = join(clone, 'other')
  const env = { npm_config_nodedir: nodedir, XDG_CACHE_HOME: join(clone, 'cache') }
  const own = Number(process.versions.node.split('.')[0])
  for (const [major, isTold] of [
    [own - 1, true],
    [own, false],
  ] as const) {
    await rm(join(clone, 'node_modules'), { recursive: true, force: true })
    await writeFile(join(headers, 'node_version.h'), versionOf(major))
    const { status, said } = await setup(env)
    assert.equal(status, 0, said)
    assert.equal(said.includes(`npm's nodedir, ${nodedir}, is another Node's than`), isTold, said)
  }
})

test('a Node that is too old is named, with the one to install', async () => {
  await writeFile(join(clone, 'package.json'), '{"engines": {"node": ">=99.1"}}')
  const { status, said, calls } = await setup()
  assert.equal(status, 1)
  assert.equal(said, `setup: Node ${process.versions.node} is too old: install Node 99.1 or later.\n`)
  assert.equal(calls, '')
})

test('missing build tools are named in one command when npm fails for want of them', async () => {
  await rm(join(clone, 'bin', 'g++'))
  await rm(join(clone, 'bin', 'make'))
  const { status, said } = await setup({ NPM_FAILS: '1' })
  assert.equal(status, 1)
  assert.match(said, /setup: npm ci failed, .*: sudo apt-get install g\+\+ make/)
})
