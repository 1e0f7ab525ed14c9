/**
 * Makes a clone ready: dependencies and build. Runs before demo, test and bench; `npm run setup` runs it alone.
 * Plain JavaScript without dependencies, because a bare clone has none. Does nothing, in silence, when nothing
 * is to be done.
 *
 *     node scripts/setup.mjs [--real]     --real: also what the tests with the real Kafka and OpenMSIStream need
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeHeaders } from './node-headers.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const CLIENT = '@confluentinc/kafka-javascript'
const INSTALLED = 'node_modules/.dfsp-installed'
const BUILT = 'node_modules/.dfsp-built'

/** Debian package -> a program or file that shows that it is there. */
const TO_COMPILE = {
  'g++': () => onPath('g++'),
  make: () => onPath('make'),
  python3: () => onPath('python3'),
  'zlib1g-dev': () => existsSync('/usr/include/zlib.h'),
  'libssl-dev': () => existsSync('/usr/include/openssl/ssl.h'),
  'libzstd-dev': () => existsSync('/usr/include/zstd.h'), // else records compressed so cannot be read
}
const FOR_REAL_PEERS = {
  'default-jre-headless': () => onPath('java'),
  maven: () => onPath('mvn'),
  'python3-venv': () => inSome('/usr/lib', /^python3\.\d+$/, 'ensurepip'),
  chromium: () => onPath('chromium'),
  tmux: () => onPath('tmux'),
  systemd: () => onPath('systemd-analyze'),
  zsh: () => onPath('zsh'),
  fish: () => onPath('fish'),
  'man-db': () => onPath('man'),
  libsodium23: () => inSome('/usr/lib', /-linux-gnu/, 'libsodium.so.23'),
}

checkNode()
if (!dependenciesInstalled()) await installDependencies()
if (!built()) build()
if (process.argv.includes('--real')) installPackages(absent(FOR_REAL_PEERS), 'for the tests with real peers')

function checkNode() {
  const wanted = JSON.parse(readFileSync('package.json', 'utf8')).engines.node.replace('>=', '')
  const [major, minor] = wanted.split('.').map(Number)
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number)
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return
  fail(`Node ${process.versions.node} is too old: install Node ${wanted} or later.`)
}

/** What package-lock.json asks for is in node_modules, and the client was compiled for this Node. */
function dependenciesInstalled() {
  if (!existsSync('node_modules/.package-lock.json')) return false
  const present = packages('node_modules/.package-lock.json')
  for (const [path, { version, optional }] of Object.entries(packages('package-lock.json'))) {
    if (path === '' || (optional && !present[path])) continue
    if (present[path]?.version !== version) return false
  }
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === process.versions.modules) return true
  if (!clientLoads()) return false
  writeFileSync(INSTALLED, process.versions.modules)
  return true
}

function clientLoads() {
  return spawnSync(process.execPath, ['-e', `require('${CLIENT}')`]).status === 0
}

function packages(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages
}

async function installDependencies() {
  const tools = absent(TO_COMPILE)
  const installed = installPackages(tools, 'to compile the Kafka client')
  say(
    'installing packages with npm ci: seconds with a binary of the Kafka client, else it is compiled: some minutes in silence',
  )
  // Without this variable the client's build downloads sources of zlib and OpenSSL instead of using the system's.
  const env = { ...process.env, CKJS_LINKING: 'dynamic', ...(await nodeHeaders(say)) }
  if (run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], env)) {
    if (!clientLoads())
      fail(`the Kafka client was installed and does not load: node -e "require('${CLIENT}')" says why`)
    writeFileSync(INSTALLED, process.versions.modules)
    return
  }
  fail(
    tools.length > 0 && !installed
      ? `npm ci failed, and the tools to compile the Kafka client are missing: sudo apt-get install ${tools.join(' ')}`
      : 'npm ci failed: see its output above.',
  )
}

function built() {
  return existsSync('dist/index.js') && existsSync(BUILT) && readFileSync(BUILT, 'utf8') === sources()
}

function build() {
  const state = sources()
  say('building')
  if (!run('npm', ['run', '--silent', 'build'], process.env)) fail('the build failed: see above.')
  writeFileSync(BUILT, state)
}

/** Number and newest time of what the build reads: changes with every edit, addition and removal. */
function sources() {
  const files = ['src', 'plugins'].flatMap(folder =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath ?? entry.path, entry.name)),
  )
  files.push('tsconfig.json', 'package.json', 'scripts/bundle.mjs', 'scripts/man-page.mjs')
  return `${files.length} files, newest ${Math.max(...files.map(file => statSync(file).mtimeMs))}`
}

/** Installs Debian packages where that is possible without asking; else says how. Returns whether all are there. */
function installPackages(names, purpose) {
  if (names.length === 0) return true
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    say(`missing ${purpose}: sudo apt-get install ${names.join(' ')}`)
    return false
  }
  say(`installing ${purpose}: ${names.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = () => run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...names], env)
  // The package lists of a fresh machine are absent or old.
  return (run('apt-get', ['update', '-qq'], env) && install()) || install()
}

function absent(needed) {
  return Object.keys(needed).filter(name => !needed[name]())
}

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, program)))
}

function inSome(root, pattern, file) {
  if (!existsSync(root)) return false
  return readdirSync(root).some(name => pattern.test(name) && existsSync(join(root, name, file)))
}

/** Runs a command with its output on stderr; returns whether it succeeded. */
function run(command, args, env) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], env }).status === 0
}

function say(text) {
  console.error(`setup: ${text}`)
}

function fail(text) {
  say(text)
  process.exit(1)
}
