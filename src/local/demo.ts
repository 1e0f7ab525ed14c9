/** The demo: a broker in this process, six files on it, and the plugin of `dfsp init` run on them by the normal code. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Values } from '../config/options/options.ts'
import { findFiles } from '../files/walk.ts'
import { startMockCluster } from '../kafka/mock-cluster.ts'
import type { UploadEvent } from '../report/commands/upload-report.ts'
import type { RunEvent } from '../report/events.ts'
import type { Outcome } from '../run/outcome.ts'
import { outgoing } from '../run/outgoing.ts'
import { pluginRuntime, type RuntimeUses } from '../run/plugin-runtime.ts'
import { run } from '../run/run.ts'
import { onStopSignal } from '../run/shutdown.ts'
import { upload } from '../upload/upload.ts'
import { demoFiles } from './demo-files.ts'

const DEMO_TOPIC = 'demo'
/** So small that a short file has dozens. */
const CHUNK_BYTES = 1024

/** What differs from `dfsp run`. */
const OWN = {
  topic: DEMO_TOPIC,
  group: `dfsp.plot.${DEMO_TOPIC}`,
  retries: 2,
  breaker: 0,
  memoryBytes: 64 * 1024 * 1024,
  untilEnd: true,
  drainTimeoutMs: 5_000,
  statsMs: 0,
  sections: {},
} as const

export interface Demo {
  /** host:port of the broker. */
  readonly brokers: string
  /** Puts the files on the topic. */
  upload(report: (event: UploadEvent) => void): Promise<Outcome>
  /** Runs the plugin on what is on the topic, to its end. */
  run(report: (event: RunEvent) => void, log: RuntimeUses['log']): Promise<Outcome>
  /** Keeps the broker until Ctrl-C. */
  hold(): Promise<void>
  /** Ends the broker and removes what was written. */
  close(): Promise<void>
}

/** `plugin` is the text of its module. What the demo does not set itself is as in `values`. */
export async function openDemo(plugin: string, values: Values): Promise<Demo> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'dfsp-demo-'))
  const data = path.join(folder, 'data')
  for (const [name, text] of demoFiles()) {
    mkdirSync(path.dirname(path.join(data, name)), { recursive: true })
    writeFileSync(path.join(data, name), text)
  }
  const module = path.join(folder, 'plot.ts')
  writeFileSync(module, plugin)
  const cluster = await startMockCluster()
  const properties = { 'bootstrap.servers': cluster.brokers }
  return {
    brokers: cluster.brokers,
    upload: report =>
      upload(
        {
          topic: DEMO_TOPIC,
          chunkSize: CHUNK_BYTES,
          // Scattered, as OpenMSIStream does it: the harder case.
          partitionBy: 'key',
          subdir: '',
          producerProperties: properties,
          waitForTopic: true,
          progressMs: 0,
        },
        { report, files: findFiles([{ path: data, shown: 'data', isFolder: true }], () => true) },
      ),
    async run(report, log) {
      const runtime = pluginRuntime({ url: pathToFileURL(module).href, shown: 'plot.ts' }, values)
      const producing = outgoing(properties, undefined)
      try {
        const loaded = await runtime.load()
        const options = Object.entries(loaded.options).map(([name, option]) => [name, option.default])
        return await run(
          {
            ...values,
            ...OWN,
            outputDir: path.join(folder, 'out'),
            consumerProperties: properties,
            pluginOptions: Object.fromEntries(options),
          },
          { runtime, loaded, report, logFromPlugin: log, produce: producing.send },
        )
      } finally {
        await runtime.host.close(0)
        await producing.close()
      }
    },
    async hold() {
      const awake = setInterval(() => {}, 60_000)
      await new Promise<void>(resolve => {
        const stopListening = onStopSignal(() => {
          stopListening()
          resolve()
        })
      })
      clearInterval(awake)
    },
    async close() {
      await cluster.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
