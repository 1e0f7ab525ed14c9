/** `dfsp replay`: files of a topic through the plugin once more, whoever has processed them. No group is touched. */

import { DfspError } from '../base/errors.ts'
import type { IndexedFile } from '../core/chunks/file-index.ts'
import { deferred } from '../run/deferred.ts'
import { type End, type Outcome, outcome } from '../run/outcome.ts'
import { NOTHING_COUNTED, type SummaryCounts, summaryOf } from '../run/run-progress.ts'
import { onStopSignal, stoppingText } from '../run/shutdown.ts'
import { countEnd, type RerunOptions, type RerunUses, rerun, rerunEvent } from './rerun.ts'

export interface ReplayOptions extends RerunOptions {
  readonly topic: string
}

/** What ends it is reported before the summary and returned. Files that are `leftAlone` count as not processed. */
export async function replay(
  options: ReplayOptions,
  deps: RerunUses & { onProgress(counts: SummaryCounts): void },
  files: readonly IndexedFile[],
  leftAlone: number,
): Promise<Outcome> {
  const { report } = deps
  const started = performance.now()
  const counts = { ...NOTHING_COUNTED, failed: leftAlone }
  const ending = deferred<End>()
  const stop = new AbortController()
  const stopListening = onStopSignal(signal => {
    report({ type: 'info', text: stoppingText(signal) })
    ending.resolve({ why: 'signal', signal })
  })
  void ending.promise.then(() => stop.abort(new Error('the replay was ended')))
  let drained = true
  try {
    drained = await rerun(
      options,
      {
        ...deps,
        ending,
        signal: stop.signal,
        async onEnd(file, found) {
          countEnd(counts, found)
          report(rerunEvent(file, found, 1, found.result === 'ok' ? undefined : 'untouched'))
          deps.onProgress(counts)
        },
      },
      files.map(({ path, chunks, sha512, ranges }) => {
        return { letter: { topic: options.topic, path, chunks, sha512 }, ranges }
      }),
    )
    ending.resolve({ why: 'goal' })
  } catch (error) {
    if (!(error instanceof DfspError) && !stop.signal.aborted) throw error
    if (error instanceof DfspError) ending.resolve({ why: 'fatal', error })
  } finally {
    stopListening()
    await deps.plugin?.runtime.host.close(0)
  }
  const goals = { untilEnd: true, maxFiles: undefined, maxTimeMs: undefined }
  const { exit, error } = outcome(await ending.promise, goals, counts, drained)
  if (error) report({ type: 'error', error })
  report({ type: 'summary', summary: summaryOf(counts, [], started, exit) })
  return { exit, error }
}
