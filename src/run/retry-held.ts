/**
 * `dfsp retry` of the files that a group holds: its next member is this process, which reads up to where the group had
 * read, runs what is unfinished once, commits as `dfsp run` does, and leaves. So nobody has to be told afterwards, and
 * a group that is running elsewhere is left alone (E_GROUP_BUSY): there a restart does the same.
 */
import { groupOffsets } from '../kafka/group-offsets.ts'
import { openRefetcher } from '../kafka/refetch.ts'
import type { Outcome } from './outcome.ts'
import { isBelow } from './retry-plan.ts'
import { type RunDeps, type RunOptions, run } from './run.ts'
import { NOTHING_COUNTED, summaryOf } from './run-progress.ts'
import { type Unfinished, unfinishedFiles } from './unfinished-files.ts'

export type RetryHeldOptions = Pick<
  RunOptions,
  | 'topic'
  | 'group'
  | 'mode'
  | 'outputDir'
  | 'consumerProperties'
  | 'memoryBytes'
  | 'breakerAfter'
  | 'drainMs'
  | 'pluginOptions'
  | 'sections'
> & {
  /** Only these files and folders; all when empty. */
  readonly paths: readonly string[]
  /** Show the plan only. */
  readonly dryRun: boolean
}

export interface RetryHeldDeps extends Pick<RunDeps, 'report'> {
  /** Undefined for a dry run. */
  readonly run: Omit<RunDeps, 'report'> | undefined
  showPlan(plan: Unfinished): void
  /** Whether to go on with so many files; may throw a DfspError. */
  confirm(files: number): Promise<boolean>
}

/** Once it runs an attempt, it is `run`. Throws what keeps it from showing the plan. */
export async function retryHeld(options: RetryHeldOptions, deps: RetryHeldDeps): Promise<Outcome> {
  const started = performance.now()
  const { topic, group, consumerProperties: properties } = options
  const partitions = await groupOffsets({ topic, group, properties })
  if (partitions.every(({ committed }) => committed === undefined))
    deps.report({ type: 'problem', text: `group ${group} has committed nothing in ${topic}` })
  for (const { notice } of partitions)
    if (notice !== undefined) deps.report({ type: 'problem', text: notice })
  const refetcher = openRefetcher({ topic, properties })
  const all = await unfinishedFiles(partitions, refetcher, new AbortController().signal).finally(
    refetcher.close,
  )
  const { paths } = options
  const isWanted = (path: string) => paths.length === 0 || paths.some(wanted => isBelow(path, wanted))
  const plan =
    paths.length === 0 ? all : { ...all, files: all.files.filter(({ path }) => isWanted(path)), records: 0 }
  deps.showPlan(plan)
  const whole = plan.files.filter(({ chunks, present }) => chunks === present).length
  if (options.dryRun || deps.run === undefined || whole === 0 || !(await deps.confirm(whole))) {
    deps.report({ type: 'summary', summary: summaryOf(NOTHING_COUNTED, [], started, 0) })
    return { exit: 0, error: undefined }
  }
  return await run(
    {
      ...options,
      from: 'earliest',
      waitForTopic: false,
      files: undefined,
      leave: path => !isWanted(path),
      retries: 0,
      dlq: undefined,
      onError: 'hold',
      onIncomplete: 'hold',
      journal: false,
      incompleteAfterMs: Number.POSITIVE_INFINITY,
      reprocessIdentical: false,
      untilEnd: true,
      goals: plan.goals,
      maxFiles: undefined,
      maxTimeMs: undefined,
      statsMs: 0,
    },
    { ...deps.run, report: deps.report },
  )
}
