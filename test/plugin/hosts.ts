/** Plugin hosts with real threads (the compiled worker), and files in real shared memory for them. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { OwnFolder } from '../../src/base/held-folder.ts'
import { PAGE_BYTES } from '../../src/core/page-bytes.ts'
import type { PluginFault } from '../../src/core/plugin-fault.ts'
import { arena } from '../../src/files/arena.ts'
import { type Place, type Store, store } from '../../src/files/store.ts'
import { type HostDeps, type LoadedInfo, type PluginHost, pluginHost } from '../../src/plugin/host/host.ts'
import { type Ended, threadsOf } from '../../src/plugin/host/thread.ts'
import type { FileJob, SetupMessage, Task, TaskResult } from '../../src/plugin/messages.ts'

export const ACTIONS = new URL('./fixtures/actions.mjs', import.meta.url).href
const WORKER = new URL('../../dist/plugin/worker/worker.js', import.meta.url)

export type LogEntry = Parameters<HostDeps['log']>[0]

export interface OpenHost {
  /** `run` runs again what is recalled, `once` does not. */
  readonly host: Omit<PluginHost, 'run'> & {
    run(task: Task): Promise<TaskResult>
    once(task: Task): Promise<Ended>
  }
  readonly loaded: LoadedInfo
  readonly store: Store
  readonly outputDir: string
  /** What was logged so far. */
  readonly logs: readonly LogEntry[]
  /** Resolves with the first entry, past or to come, whose message matches. */
  logged(message: RegExp): Promise<LogEntry>
  messages(): string[]
  /** The processing of a file with this content. */
  run(content: string, job?: Partial<FileJob>): Promise<TaskResult>
  job(content: string | Buffer, job?: Partial<FileJob>, place?: Place): FileJob
}

export interface HostOptions extends Partial<HostDeps> {
  readonly setup?: Partial<SetupMessage>
  /** Threads that must be ready before the test begins; all unless given. */
  readonly ready?: number
}

interface Cleanup {
  after(work: () => Promise<void>): void
}

/** A host that is loaded and started; closed after the test. */
export async function openHost(
  t: Cleanup,
  { setup = {}, ready, ...deps }: HostOptions = {},
): Promise<OpenHost> {
  const outputDir = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-host-'))
  const tmpDir = path.join(outputDir, '.tmp')
  fs.mkdirSync(tmpDir)
  const logs: LogEntry[] = []
  const waiting = new Set<(entry: LogEntry) => void>()
  const memory = arena(segment => host.addSegment(segment))
  const host = pluginHost({
    pluginUrl: ACTIONS,
    pluginName: './actions.mjs',
    threads: 1,
    timeoutMs: undefined,
    segments: () => memory.segments,
    pageBytes: PAGE_BYTES,
    produce: async () => {},
    log(entry) {
      logs.push(entry)
      for (const check of waiting) check(entry)
    },
    onBroken(error) {
      throw error
    },
    startThread: threadsOf(WORKER),
    ...deps,
  })
  t.after(async () => {
    await host.close(1_000)
    fs.rmSync(outputDir, { recursive: true, force: true })
  })
  const files = store(memory, new OwnFolder(tmpDir, tmpDir))
  const loaded = await host.load()
  await host.start({ options: {}, sections: {}, outputDir, tmpDir, ...setup })
  // All but the first thread become ready by themselves.
  while (host.free < (ready ?? deps.threads ?? 1)) await delay(5)
  const open: OpenHost = {
    host: Object.assign(Object.create(host), {
      once: host.run,
      async run(task: Task) {
        const { ms: _, ...ended } = await host.run(task)
        return ended.kind === 'recalled' ? open.host.run(task) : ended
      },
    }),
    loaded,
    store: files,
    outputDir,
    logs,
    messages: () => logs.map(entry => entry.message),
    logged: message =>
      new Promise(resolve => {
        const check = (entry: LogEntry) => {
          if (!message.test(entry.message)) return
          waiting.delete(check)
          resolve(entry)
        }
        waiting.add(check)
        for (const entry of logs) check(entry)
      }),
    run: (content, job) => open.host.run({ kind: 'process', file: open.job(content, job) }),
    job(content, job = {}, place = 'memory') {
      const data = Buffer.from(content)
      const stored = files.open(place)
      stored.write(0, data)
      return {
        path: 'a/scan.csv',
        topic: 'xrd',
        source: stored.source(data.length),
        sha512: createHash('sha512').update(data).digest('hex'),
        mtime: 0,
        deliveryId: 'd-1',
        attempt: 1,
        final: false,
        diskPath: null,
        ...job,
      }
    },
  }
  return open
}

/** What a failed attempt says; fails the test when the attempt did not fail. */
export function faultIn(result: TaskResult): PluginFault {
  assert.ok(result.kind === 'failed', JSON.stringify(result))
  return result.fault
}
