// The brokers that are measured on: librdkafka's mock cluster as a program of its own, which holds all in memory, and
// Apache Kafka. Each is started for a row and ended after it.
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.dirname(here)
export const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'dfsp-test')

/** Throws an Error whose message says what is missing. */
export async function startBroker(kind, topic, partitions, { memoryMB = 4096 } = {}) {
  return kind === 'memory' ? await memoryBroker(topic, partitions, memoryMB) : await kafka(topic, partitions)
}

async function memoryBroker(topic, partitions, memoryMB) {
  const program = compiled('memory-broker.c')
  const args = ['-r', '0', '-m', String(memoryMB), `${topic}:${partitions}`]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const end = () => child.kill()
  process.once('exit', end)
  const address = await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', text => resolve(text.trim()))
    child.once('exit', () => reject(new Error('the memory broker ended')))
  })
  return {
    address,
    pid: child.pid,
    async end() {
      process.removeListener('exit', end)
      child.kill()
    },
  }
}

async function kafka(topic, partitions) {
  if (!fs.existsSync(cache) || !fs.readdirSync(cache).some(name => name.startsWith('kafka-')))
    throw new Error('Apache Kafka is not here: npm run setup, then npm test fetches it')
  const { startKafka } = await import('../test/support/kafka.ts')
  const broker = await startKafka({
    properties: { 'message.max.bytes': 10_000_000, 'replica.fetch.max.bytes': 10_000_000 },
  })
  const { default: client } = await import('@confluentinc/kafka-javascript')
  const admin = client.AdminClient.create({ 'bootstrap.servers': broker.brokers })
  try {
    const wanted = { topic, num_partitions: partitions, replication_factor: 1 }
    await new Promise((resolve, reject) =>
      admin.createTopic(wanted, 10_000, error => (error ? reject(new Error(error.message)) : resolve())),
    )
  } finally {
    admin.disconnect()
  }
  return { address: broker.brokers, pid: broker.pid(), end: () => broker.end() }
}

/** The program of a C file of this folder, compiled where it is missing or older. Throws when there is no compiler. */
export function compiled(file) {
  const sources = path.join(root, 'node_modules/@confluentinc/kafka-javascript/deps/librdkafka')
  const code = path.join(here, file)
  const library = path.join(sources, 'src/librdkafka.a')
  const program = path.join(cache, path.basename(file, '.c'))
  const isNewer = than => fs.statSync(program).mtimeMs >= fs.statSync(than).mtimeMs
  if (fs.existsSync(program) && isNewer(code) && isNewer(library)) return program
  fs.mkdirSync(cache, { recursive: true })
  const [, libraries] = /^LIBS\+=(.*)$/m.exec(fs.readFileSync(path.join(sources, 'Makefile.config'), 'utf8'))
  const includes = [`-I${sources}`, `-I${sources}/src`]
  const args = ['-O2', ...includes, code, library, '-o', program, ...libraries.trim().split(/\s+/)]
  try {
    execFileSync('cc', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    const why = error.code === 'ENOENT' ? 'no C compiler (cc)' : String(error.stderr).trim().split('\n')[0]
    throw new Error(`${file} cannot be compiled: ${why}`)
  }
  return program
}
