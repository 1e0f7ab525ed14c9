/** The processor of a run, with the real broker, threads and disk. */
import { constants } from 'node:buffer'
import path from 'node:path'
import { doneBefore } from '../core/offsets/done-before.ts'
import type { Journal } from '../files/journal.ts'
import type { OutputDir } from '../files/output-dir.ts'
import type { FileConsumer } from '../kafka/consumer/consumer.ts'
import type { Refetcher } from '../kafka/refetch/refetch.ts'
import { type Processor, processor } from '../processor/processor.ts'
import type { ProcessorDeps } from '../processor/processor-deps.ts'
import { realEdges } from './edges.ts'
import { letterSender } from './letter-sender.ts'
import { hasEnd } from './outcome.ts'
import type { RunDeps, RunOptions } from './run-options.ts'

/** What a run has opened. */
export interface Opened {
  readonly consumer: FileConsumer
  readonly refetcher: Refetcher
  readonly journal: Journal | undefined
  readonly output: OutputDir
}

export function runProcessor(
  options: RunOptions,
  { runtime, report, produce }: RunDeps,
  { consumer, refetcher, journal, output }: Opened,
  uses: Pick<ProcessorDeps, 'hooks' | 'commit' | 'onChange' | 'onStop' | 'onFatal'>,
): Processor {
  return processor({
    ...realEdges,
    ...uses,
    settings: {
      ...options,
      diskPath: name => path.join(output.path, name),
      largestBuffer: constants.MAX_LENGTH,
      waitsForEnvironment: true,
      retriesHeld: !hasEnd(options),
    },
    host: runtime.host,
    store: runtime.store(output.tmp),
    committedNow: consumer.committedNow,
    doneBefore: consumer.elsewhere.size === 0 ? undefined : doneBefore(consumer.elsewhere),
    endOffsets: consumer.endOffsets,
    partitionCount: () => consumer.partitionCount,
    deadLetter: options.dlq === undefined ? async () => {} : letterSender(produce, options.dlq),
    refetch: async (ranges, onRecord, signal) => {
      await refetcher.read(ranges, onRecord, signal)
    },
    journal,
    pause: consumer.pause,
    resume: consumer.resume,
    report,
  })
}
