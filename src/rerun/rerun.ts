/**
 * Files that are named by where their records lie, run again: plugin, output folder, and one set of fetched files for
 * each topic.
 *
 * rerun/ is `dfsp retry` and `dfsp replay`: it reads what is named again, and commits only what settles letters and
 * held files.
 */
import { openOutputDir } from '../files/output-dir.ts'
import { openRefetcher } from '../kafka/refetch/refetch.ts'
import type { LoadedInfo } from '../plugin/host/host.ts'
import type { RunEvent, SetAside } from '../report/events.ts'
import type { Deferred } from '../run/deferred.ts'
import type { End } from '../run/outcome.ts'
import { type PluginSettings, setUp, setupOf, tearDown } from '../run/plugin-life.ts'
import type { PluginRuntime, RuntimeUses } from '../run/plugin-runtime.ts'
import type { RunOptions } from '../run/run-options.ts'
import type { SummaryCounts } from '../run/run-progress.ts'
import { type FetchedOptions, type FileEnd, fetchedFiles } from './fetched-files.ts'
import type { FileToFetch } from './fetched-table.ts'
import { byTopic, sharedReads } from './shared-reads.ts'

export interface RerunOptions
  extends Omit<FetchedOptions, 'topic' | 'output'>,
    PluginSettings,
    Pick<RunOptions, 'consumerProperties' | 'drainTimeoutMs'> {}

export interface RerunUses extends Pick<RuntimeUses, 'log' | 'produce'> {
  /** Undefined for a dry run. */
  readonly plugin: { readonly runtime: PluginRuntime; readonly loaded: LoadedInfo } | undefined
  report(event: RunEvent): void
}

export interface RerunFile extends FileToFetch {
  readonly letter: FileToFetch['letter'] & { readonly topic: string }
}

export interface RerunDeps<F extends RerunFile> extends RerunUses {
  readonly ending: Deferred<End>
  readonly signal: AbortSignal
  /** What became of a file; awaited before the end. */
  onEnd(file: F, found: FileEnd): Promise<void>
}

/**
 * False when files were still running at the end of the time that a stop leaves them. Rejects with a DfspError when a
 * topic cannot be read, and with the reason of the signal.
 */
export async function rerun<F extends RerunFile>(
  options: RerunOptions,
  { plugin, report, produce, log, ending, signal, onEnd }: RerunDeps<F>,
  files: readonly F[],
): Promise<boolean> {
  if (plugin === undefined) throw new Error('there is no plugin to run')
  const { runtime, loaded } = plugin
  const tell = (text: string) => report({ type: 'info', text })
  const output = openOutputDir(options.outputDir)
  const settling = new Set<Promise<void>>()
  runtime.connect({ produce, log, onBroken: error => ending.resolve({ why: 'fatal', error }) })
  let drained = true
  try {
    await setUp(runtime, setupOf(options, output), tell)
    for (const [topic, own] of byTopic(files)) {
      const fetched = fetchedFiles<F>(
        { ...options, topic, output },
        {
          runtime,
          hooks: loaded.hooks,
          openRefetcher: () => openRefetcher({ topic, properties: options.consumerProperties }),
          onEnd(file, found) {
            const settled = onEnd(file, found).finally(() => settling.delete(settled))
            settling.add(settled)
          },
          report,
          signal,
          onBlocked: reason => ending.resolve({ why: 'blocked', reason }),
        },
      )
      try {
        for (const together of sharedReads(own)) await fetched.feed(together)
        await fetched.finished()
      } finally {
        drained = await fetched.close(options.drainTimeoutMs)
        await Promise.all(settling)
      }
    }
    await tearDown(runtime, options.drainTimeoutMs, tell)
    return drained
  } finally {
    output.close()
  }
}

export function countEnd(
  counts: { -readonly [K in keyof SummaryCounts]: number },
  { result, bytes }: FileEnd,
): void {
  if (result === 'ok') {
    counts.done++
    counts.doneBytes += bytes
  } else counts[result === 'mismatch' ? 'mismatched' : 'failed']++
}

export function rerunEvent(
  { letter, ranges }: RerunFile,
  found: FileEnd,
  attempt: number,
  setAside?: SetAside,
): RunEvent {
  const { result, bytes, ms, error } = found
  const partitions: Record<string, [number, number]> = {}
  for (const { partition, from, to } of ranges)
    partitions[partition] = [partitions[partition]?.[0] ?? from, to]
  return {
    type: 'file',
    path: letter.path,
    result,
    attempt,
    bytes,
    ms,
    partitions,
    ...(result === 'ok' ? {} : { error }),
    ...(setAside === undefined ? {} : { setAside }),
  }
}
