/** A record that is no chunk: told to the plugin's hook, and set aside as the policy says. */
import { HEAD_BYTES } from '../../core/dead-letter.ts'
import { POLICIES } from '../../core/disposition.ts'
import type { Receipt } from '../../core/offsets/ledger.ts'
import type { ConsumedRecord } from '../../kafka/consumer/consumer.ts'
import type { SetAside } from '../../report/events.ts'
import type { Shared } from '../processor-deps.ts'

/** Calls of onUndecodable that may wait at a time; beyond it they are left out, so that a topic of junk costs nothing. */
const MOST_HOOK_CALLS = 256

export function undecodable(s: Shared): (r: ConsumedRecord, receipt: Receipt, reason: string) => void {
  const { deps, ledger, counts, committing, letters } = s
  const { settings } = deps
  const { act, endsRun } = POLICIES[settings.onError]
  let hookCalls = 0

  function callHook({ partition, offset }: ConsumedRecord, value: Buffer, reason: string): void {
    if (!deps.hooks.has('onUndecodable') || hookCalls >= MOST_HOOK_CALLS) return
    hookCalls++
    const head = Buffer.from(value.subarray(0, HEAD_BYTES))
    const info = { topic: settings.topic, partition, offset, reason, size: value.length, head }
    void deps.host.run({ kind: 'onUndecodable', record: info }).then(() => {
      hookCalls--
    })
  }

  function told({ partition, offset, value }: ConsumedRecord, reason: string, setAside: SetAside): void {
    const bytes = (value as Buffer).length
    deps.report({ type: 'undecodable', partition, offset, bytes, reason, setAside })
  }

  function resolve(r: ConsumedRecord, receipt: Receipt, reason: string, setAside: SetAside): void {
    told(r, reason, setAside)
    ledger.resolve(receipt)
    committing.soon()
  }

  async function sendLetter(r: ConsumedRecord, receipt: Receipt, reason: string): Promise<void> {
    const { partition, offset } = r
    const value = r.value as Buffer
    const { topic, group } = settings
    const sent = await letters.send({
      ...{ kind: 'record', reason: 'undecodable', topic, group, partition, offset, bytes: value.length },
      head: Buffer.from(value.subarray(0, HEAD_BYTES)),
      error: reason,
      rounds: 0,
    })
    if (sent) resolve(r, receipt, reason, 'dead-lettered')
    else told(r, reason, 'held')
  }

  return (r, receipt, reason) => {
    counts.undecodable++
    callHook(r, r.value as Buffer, reason)
    if (act === 'letter') void sendLetter(r, receipt, reason)
    else if (act === 'skip') resolve(r, receipt, reason, 'skipped')
    else told(r, reason, 'held')
    if (endsRun) deps.onStop(`undecodable record ${settings.topic}[${r.partition}]@${r.offset}: ${reason}`)
  }
}
