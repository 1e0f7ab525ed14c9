/**
 * One run of `dfsp try`: local files take the way of real ones, from records to the plugin, without a broker.
 *
 * local/ is what needs no Kafka of the user: `dfsp try` and `dfsp demo`.
 */
import type { DfspError } from '../base/errors.ts'
import { openOutputDir } from '../files/output-dir.ts'
import type { Found } from '../files/walk.ts'
import type { LoadedInfo } from '../plugin/host/host.ts'
import type { TryEvent } from '../report/commands/try-report.ts'
import { exitStatus, type Outcome } from '../run/outcome.ts'
import { type PluginSettings, setUp, setupOf, tearDown } from '../run/plugin-life.ts'
import type { RuntimeUses } from '../run/plugin-runtime.ts'
import { onStopSignal, type StopSignal } from '../run/shutdown.ts'
import { type SampleFilesDeps, type SampleOptions, sampleFiles } from './sample-files.ts'

export interface TryOptions extends Omit<SampleOptions, 'output'>, PluginSettings {}

export interface TryDeps
  extends Omit<SampleFilesDeps, 'hooks' | 'onBroken'>,
    Pick<RuntimeUses, 'log' | 'produce'> {
  readonly loaded: LoadedInfo
  readonly files: AsyncIterable<Found>
}

/** Tries all files and returns the exit status; a DfspError that ended it comes with the summary reported. */
export async function tryPlugin(options: TryOptions, deps: TryDeps): Promise<Outcome> {
  const { runtime, loaded } = deps
  const started = performance.now()
  const counts = { done: 0, failed: 0 }
  let signal: StopSignal | undefined
  let fatal: DfspError | undefined
  const report = (event: TryEvent) => {
    if (event.type === 'file') counts[event.result === 'ok' ? 'done' : 'failed']++
    deps.report(event)
  }
  const tell = (text: string) => report({ type: 'info', text })
  const onBroken = (error: DfspError) => {
    fatal ??= error
    samples.stop()
  }

  const output = openOutputDir(options.outputDir)
  const samples = sampleFiles({ ...options, output }, { ...deps, hooks: loaded.hooks, report, onBroken })
  const stopListening = onStopSignal(given => {
    signal = given
    samples.stop()
  })
  try {
    runtime.connect({ produce: deps.produce, log: deps.log, onBroken })
    await setUp(runtime, setupOf(options, output), tell)
    for await (const found of deps.files) {
      if (signal !== undefined || fatal !== undefined) break
      if (found.kind === 'file') await samples.feed(found)
      else if (found.kind === 'no-file') tell(`left out ${found.shown}: it ${found.reason}`)
      else report({ type: 'file', path: found.shown, result: 'failed', ms: 0, error: found.reason })
    }
    await samples.finished()
    await tearDown(runtime, Number.POSITIVE_INFINITY, tell)
    const exit = exitStatus({ error: fatal, signal, wrong: counts.failed })
    const seconds = Math.round(performance.now() - started) / 1_000
    report({ type: 'summary', summary: { ...counts, seconds, exit } })
    return { exit, error: fatal }
  } finally {
    stopListening()
    await runtime.host.close(0)
    output.close()
  }
}
