/**
 * `dfsp retry` of the files that a group holds: its next member is this process, which reads up to where the group had
 * read, runs what is unfinished once, commits as `dfsp run` does, and leaves. So nobody has to be told afterwards, and
 * a group that is running elsewhere is left alone (E_GROUP_BUSY): there a restart does the same.
 */

import { type LeftFile, NO_LIMIT, type Unfinished, unfinishedFiles } from '../inspect/unfinished-files.ts'
import { groupOffsets } from '../kafka/ask/group-watch.ts'
import { openRefetcher } from '../kafka/refetch/refetch.ts'
import { exitStatus, type Outcome } from '../run/outcome.ts'
import { run } from '../run/run.ts'
import type { RunDeps, RunOptions } from '../run/run-options.ts'
import { NOTHING_COUNTED, summaryOf } from '../run/run-progress.ts'
import { isBelow, meansNone } from './retry-plan.ts'

export type RetryHeldOptions = RunOptions & {
  /** Only these files and folders; all when empty. */
  readonly paths: readonly string[]
}

export interface RetryHeldDeps extends Pick<RunDeps, 'report'> {
  /** Undefined for a dry run. */
  readonly run: Omit<RunDeps, 'report'> | undefined
  showPlan(plan: Unfinished): void
  /** Whether to go on with so many files; may throw a DfspError. */
  confirm(files: number): Promise<boolean>
}

/** What a run left unread or unsaid, and no backlog. */
const MOST_BEYOND = 20_000

/** Nothing is to be hoped for the chunks that it lacks. */
function isOverdue({ isCut, lastSentAt }: LeftFile, now: number, incompleteAfterMs: number): boolean {
  return isCut || (lastSentAt >= 0 && now - lastSentAt >= incompleteAfterMs)
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
  const limits = { ...NO_LIMIT, beyond: MOST_BEYOND }
  const all = await unfinishedFiles(partitions, refetcher, new AbortController().signal, limits).finally(
    refetcher.close,
  )
  const { paths } = options
  const isWanted = (path: string) => paths.length === 0 || paths.some(wanted => isBelow(path, wanted))
  const plan =
    paths.length === 0 ? all : { ...all, files: all.files.filter(({ path }) => isWanted(path)), records: 0 }
  deps.showPlan(plan)
  const absent = meansNone(
    paths,
    plan.files.map(({ path }) => path),
  )
  for (const path of absent)
    deps.report({
      type: 'problem',
      text: `group ${group} has not left ${path} unfinished, nor anything below it: --dry-run lists what it has`,
    })
  const whole = new Set(plan.files.filter(({ chunks, present }) => chunks === present).map(({ id }) => id))
  const now = Date.now()
  const overdue = plan.files.filter(
    file => !whole.has(file.id) && isOverdue(file, now, options.incompleteAfterMs),
  ).length
  if (options.dryRun || deps.run === undefined || whole.size === 0 || !(await deps.confirm(whole.size))) {
    const exit = exitStatus({ wrong: absent.length + (whole.size === 0 && !options.dryRun ? overdue : 0) })
    deps.report({ type: 'summary', summary: summaryOf(NOTHING_COUNTED, [], started, exit) })
    return { exit, error: undefined }
  }
  return await run(
    {
      ...options,
      from: 'earliest',
      waitForTopic: false,
      files: undefined,
      // What arrived since, or lay beyond, nobody was shown: it stays for the next run.
      leave: file => !whole.has(file),
      unprocessed: absent.length + overdue,
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
