/**
 * The real OpenMSIStream as producer and reader, in its own processes, with a config file as its users write it.
 *
 *     test('...', { skip: noOpenMSIStream }, async () => { await uploadFolder(...) })
 */

import { execFile } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Exit, startGuarded } from './guarded.ts'
import { endOffsets } from './topics.ts'

const TIMEOUT_MS = 180_000
const run = promisify(execFile)

const bin = process.env.DFSP_TEST_OPENMSISTREAM ?? ''

/** Why tests that need OpenMSIStream are skipped, or false. */
export const noOpenMSIStream =
  bin === '' && (process.env.DFSP_TEST_NO_OPENMSISTREAM ?? 'no OpenMSIStream: run it by npm test -- <file>')

export type Target = {
  brokers: string
  topic: string
  /** Bytes; theirs is 524,288. */
  chunkSize?: number
}

/** The text of a config file in the form that OpenMSIStream's documentation teaches. */
export function configText(brokers: string, { group = 'create_new' }: { group?: string } = {}): string {
  return `[broker]
bootstrap.servers = ${brokers}

[producer]
batch.size       = 2000000
linger.ms        = 100
compression.type = lz4
key.serializer   = StringSerializer
value.serializer = DataFileChunkSerializer

[consumer]
group.id           = ${group}
auto.offset.reset  = earliest
enable.auto.commit = False
fetch.min.bytes    = 100000
key.deserializer   = StringDeserializer
value.deserializer = DataFileChunkDeserializer
`
}

/** Uploads all files below a folder through its library, fast; resolves when every chunk is acknowledged. */
export function uploadFolder(
  folder: string,
  { brokers, topic, chunkSize = 524_288 }: Target,
): Promise<{ files: number; chunks: number }> {
  return withConfig(brokers, async config => {
    const script = fileURLToPath(import.meta.resolve('./openmsistream_upload.py'))
    const { stdout } = await run(join(bin, 'python'), [script, config, topic, folder, String(chunkSize)])
    return JSON.parse(stdout)
  })
}

/** `UploadDataFile FILE`: one file, to the root. */
export function uploadDataFile(file: string, { brokers, topic, chunkSize = 524_288 }: Target): Promise<void> {
  return withConfig(brokers, async config => {
    const args = ['--config', config, '--topic_name', topic, '--chunk_size', String(chunkSize)]
    await run(join(bin, 'UploadDataFile'), [file, ...args])
  })
}

/** `DataFileUploadDirectory DIR --upload_existing`, told to quit when the topic has got every chunk. */
export function watchAndUpload(
  folder: string,
  { brokers, topic, chunkSize = 524_288 }: Target,
): Promise<void> {
  return withConfig(brokers, async config => {
    const sizes = await fileSizes(folder)
    const before = sum(await endOffsets(brokers, topic))
    const expected = sum(sizes.map(size => Math.ceil(size / chunkSize)))
    const program = await startProgram('DataFileUploadDirectory', [
      ...[folder, '--config', config, '--topic_name', topic, '--chunk_size', String(chunkSize)],
      ...['--upload_existing', '--update_seconds', '-1'],
    ])
    await program.until(async () => sum(await endOffsets(brokers, topic)) - before >= expected)
    await program.quit()
  })
}

/**
 * `DataFileDownloadDirectory DIR`: reads the topic from its beginning, until the folder holds the expected
 * contents (by relative path), then quits. Rejects with the program's output if they do not come.
 */
export function download(
  { brokers, topic }: Target,
  folder: string,
  expected: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  return withConfig(brokers, async config => {
    const args = ['--config', config, '--topic_name', topic, '--update_seconds', '-1']
    const program = await startProgram('DataFileDownloadDirectory', [folder, ...args])
    const waiting = new Map(expected)
    await program.until(async () => {
      for (const [path, content] of waiting) {
        const found = await readFile(join(folder, path)).catch(() => undefined)
        if (!found?.equals(content)) return false
        waiting.delete(path)
      }
      return true
    })
    await program.quit()
  })
}

export type Program = {
  pid: number
  /** Everything it has printed. */
  output(): Promise<string>
  /** Polls until true; rejects with the output when the program ends first or time is up. */
  until(reached: () => Promise<boolean>): Promise<void>
  /** Types `q`, as its users do, and waits for the end. */
  quit(): Promise<Exit>
}

/** Starts any of its programs; it ends with this process at the latest. */
export async function startProgram(name: string, args: readonly string[]): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'dfsp-openmsistream-'))
  const log = join(folder, 'output')
  const descriptor = openSync(log, 'a')
  const program = await startGuarded(join(bin, name), args, {
    input: true,
    output: descriptor,
    removeOnDeath: folder,
  })
  closeSync(descriptor)
  const output = () => readFile(log, 'utf8')
  let ended = false
  void program.exited.then(() => {
    ended = true
  })
  return {
    pid: program.pid,
    output,
    async until(reached) {
      const deadline = Date.now() + TIMEOUT_MS
      while (!(await reached())) {
        if (!ended && Date.now() < deadline) {
          await delay(100)
          continue
        }
        const reason = ended ? 'it ended' : `not after ${TIMEOUT_MS / 1000} s`
        const failure = new Error(`${name} did not do its work: ${reason}\n${await output()}`)
        if (!ended) await program.stop('SIGKILL')
        await rm(folder, { recursive: true, force: true })
        throw failure
      }
    },
    async quit() {
      program.input?.write('q\n')
      const exit = await program.join()
      await rm(folder, { recursive: true, force: true })
      return exit
    },
  }
}

async function withConfig<T>(brokers: string, use: (config: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'dfsp-config-'))
  const config = join(folder, 'lab.config')
  await writeFile(config, configText(brokers))
  try {
    return await use(config)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function fileSizes(folder: string): Promise<number[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile())
  return Promise.all(files.map(async file => (await stat(join(file.parentPath, file.name))).size))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
