/** Which of the files that are assembling was opened last, of those in memory and of those elsewhere. */
import { heap } from '../../core/heap.ts'
import type { OpenFile } from './open-file.ts'

export interface YoungFiles {
  opened(file: OpenFile): void
  /** It is assembling, again or in another place than before. */
  assembling(file: OpenFile): void
  /** Damaged files do not count. */
  youngest(isInMemory: boolean): OpenFile | undefined
}

/** Items of a heap below which it is not looked through for those that went on. */
const LEAST_TO_CLEAR = 100
/** Items of a heap for each file that is assembling. */
const MOST_OLD = 5 / 4
const byAge = ({ number }: OpenFile) => -number

/** `count` of the files that are assembling. */
export function youngFiles(count: () => number): YoungFiles {
  const inMemory = heap(byAge)
  const elsewhere = heap(byAge)
  /** The file that was opened last. Most files are whole with their first record and are never looked for by age. */
  let newest: OpenFile | undefined

  function fits(file: OpenFile, isInMemory: boolean): boolean {
    return file.state === 'assembling' && !file.damaged && (file.stored.place === 'memory') === isInMemory
  }

  /** A heap forgets those that went on when they have become a fifth of it: they are in no table that has its limit. */
  function assembling(file: OpenFile): void {
    const isInMemory = file.stored.place === 'memory'
    const young = isInMemory ? inMemory : elsewhere
    if (young.size > MOST_OLD * count() + LEAST_TO_CLEAR) {
      const kept = new Set<number>() // one may be there more than once
      young.keep(other => fits(other, isInMemory) && kept.size < kept.add(other.number).size)
    }
    young.add(file)
  }

  function noteNewest(next?: OpenFile): void {
    if (newest?.state === 'assembling') assembling(newest)
    newest = next
  }

  return {
    opened: noteNewest,
    assembling,
    youngest(isInMemory) {
      noteNewest()
      const young = isInMemory ? inMemory : elsewhere
      for (let file = young.peek(); file !== undefined; file = young.peek()) {
        if (fits(file, isInMemory)) return file
        young.take()
      }
      return undefined
    },
  }
}
