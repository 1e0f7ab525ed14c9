import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordLetter } from '../../src/core/dead-letter.ts'
import { deadLetters } from '../../src/processor/ends/dead-letters.ts'

const LETTER: RecordLetter = {
  kind: 'record',
  reason: 'undecodable',
  topic: 'xrd',
  partition: 2,
  offset: 7,
  bytes: 1,
  head: new Uint8Array(1),
  error: 'no',
  group: 'g',
  rounds: 0,
}

for (const refused of [true, false])
  test(`a letter that is ${refused ? 'refused' : 'acknowledged'}: its answer is told after the sender has gone on`, async () => {
    const seen: string[] = []
    const told = new Promise<void>(resolve => {
      const letters = deadLetters({
        deadLetter: async () => {
          if (refused) throw new Error('too large')
        },
        now: () => 0,
        onRefused: text => seen.push(text),
        onAnswer() {
          seen.push(`answer, ${letters.pending} pending`)
          resolve()
        },
      })
      void (async () => {
        seen.push(`sent ${await letters.send(LETTER)}`)
      })()
    })
    await told
    assert.deepEqual(seen, [
      ...(refused ? ['the dead letter of record 2@7 was refused, so it is held: too large'] : []),
      `sent ${!refused}`,
      'answer, 0 pending',
    ])
  })
