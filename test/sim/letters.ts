/** The dead-letter topic: slow, refusing, or answering with an error although it has the letter. */

import { DfspError } from '../../src/base/errors.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import type { ProcessWorld } from './world.ts'

/** `blocked`: why the processor pauses everything. */
export function deadLetterTopic(
  world: ProcessWorld,
  blocked: () => string | undefined,
): (letter: DeadLetter) => Promise<void> {
  const { plan, clock, chance, checks, happened, trace } = world
  const life = world.life
  return letter =>
    new Promise((resolve, reject) => {
      checks.onLetterSent(letter, blocked())
      const slow = plan.on.has('slowLetters') && !world.calm
      const isRefused = plan.on.has('refusedLetters') && !world.calm && chance.chance(0.4)
      const isLost = plan.on.has('lostAnswers') && !world.calm && chance.chance(0.3)
      clock.after(slow ? chance.delay(100, 20_000) : chance.delay(1, 50), () => {
        if (!isRefused) {
          happened('dead letter written')
          checks.onLetterWritten(letter)
        }
        trace(() => `dead letter ${isRefused ? 'refused' : 'written'}${isLost ? ', answer lost' : ''}`)
        if (life !== world.life) return
        const failed = isRefused ? 'refused' : isLost ? 'no answer' : undefined
        if (failed === undefined) return resolve()
        happened(`dead letter: ${failed}`)
        reject(new DfspError('E_KAFKA', `${failed}: as told`))
      })
    })
}
