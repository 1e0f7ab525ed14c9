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
  /** Whether one of them speaks of these partitions. */
  isAnyOf(partitions: ReadonlySet<number>): boolean
}

export function deadLetters(deps: DeadLetterDeps): DeadLetters {
  const pending = new Set<DeadLetter>()
  const trouble = troubles(deps.onRefused, deps.now)
  return {
    async send(letter) {
      pending.add(letter)
      try {
        await deps.deadLetter(letter)
        return true
      } catch (error) {
        const what = letter.kind === 'file' ? letter.path : `record ${letter.partition}@${letter.offset}`
        const text = `the dead letter of ${what} was refused, so it is held: ${(error as Error).message}`
        trouble.tell(text, false, 'refused')
        return false
      } finally {
        pending.delete(letter)
        // After the caller has settled what it speaks of, which it does in the next turn.
        queueMicrotask(() => queueMicrotask(deps.onAnswer))
      }
    },
    get pending() {
      return pending.size
    },
    isAnyOf(partitions) {
      for (const letter of pending) if (partitionsOf(letter).some(p => partitions.has(p))) return true
      return false
    },
  }
}

function partitionsOf(letter: DeadLetter): readonly number[] {
  return letter.kind === 'file' ? letter.ranges.map(({ partition }) => partition) : [letter.partition]
}
