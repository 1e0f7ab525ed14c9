/** Dead letters on their way: how many, and what is said when one is refused. */
import type { DeadLetter } from '../../core/dead-letter.ts'
import { troubles } from '../../core/troubles.ts'

export interface DeadLetterDeps {
  /** Resolves once all replicas have the letter. */
  deadLetter(letter: DeadLetter): Promise<void>
  now(): number
  onRefused(text: string): void
  /** A letter is no longer on its way. */
  onAnswer(): void
}

export interface DeadLetters {
  /** False when the letter was refused: what it speaks of has to stay unresolved. */
  send(letter: DeadLetter): Promise<boolean>
  /** Letters on their way. */
  readonly pending: number
}

export function deadLetters(deps: DeadLetterDeps): DeadLetters {
  let pending = 0
  const trouble = troubles(deps.onRefused, deps.now)
  return {
    async send(letter) {
      pending++
      try {
        await deps.deadLetter(letter)
        return true
      } catch (error) {
        const what = letter.kind === 'file' ? letter.path : `record ${letter.partition}@${letter.offset}`
        const text = `the dead letter of ${what} was refused, so it is held: ${(error as Error).message}`
        trouble.tell(text, false, 'refused')
        return false
      } finally {
        pending--
        // After the caller has settled what it speaks of, which it does in the next turn.
        queueMicrotask(() => queueMicrotask(deps.onAnswer))
      }
    },
    get pending() {
      return pending
    },
  }
}
