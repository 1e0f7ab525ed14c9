/** Copies of records that the group had done in the topic from which they were copied. */
import { FROM, originOf } from '../../core/chunks/keyed.ts'
import type { ConsumedRecord } from '../../kafka/consumer/consumer.ts'
import type { ProcessorDeps } from '../processor-deps.ts'

/** Whether a record is one; `digest` of its file, undefined for a record of no file. Tells of the first. */
export function copiesOfDone({
  doneBefore,
  settings,
  report,
}: Pick<ProcessorDeps, 'doneBefore' | 'settings' | 'report'>): (
  r: ConsumedRecord,
  digest: string | undefined,
) => boolean {
  if (doneBefore === undefined) return () => false
  let isTold = false
  return ({ headers }, digest) => {
    const origin = originOf(headers?.get(FROM))
    if (origin === undefined || !doneBefore.has(origin, digest)) return false
    if (!isTold) {
      isTold = true
      const text = `copies of records of ${origin.topic} that group ${settings.group} had done there are passed over`
      report({ type: 'info', text })
    }
    return true
  }
}
