/** The open contents of each path: their turns, in the order in which they became whole, and which of them are outdated. */
import { heap } from '../../core/heap.ts'
import { isIdle, type OpenFile, type PathContents } from './open-file.ts'

export interface PathContentsTable {
  /** Those of a path, with one more of them open. */
  opened(path: string): PathContents
  closed(file: OpenFile): void
  /** It goes on only by what comes from outside. */
  stuck(file: OpenFile): void
  /** See `OpenFiles`. */
  whole(file: OpenFile): void
  outdate(file: OpenFile): readonly OpenFile[]
}

const NONE: readonly OpenFile[] = []

export function pathContents(): PathContentsTable {
  const byPath = new Map<string, PathContents>()
  let turns = 0
  let earlyTurns = Number.MIN_SAFE_INTEGER

  function stuck(file: OpenFile): void {
    if (file.turn === 0) return
    file.contents.stuck ??= heap(({ turn }) => turn)
    file.contents.stuck.add(file)
  }

  return {
    opened(path) {
      const found = byPath.get(path)
      if (found !== undefined) {
        found.count++
        return found
      }
      const contents: PathContents = {
        count: 1,
        stuck: undefined,
        busy: undefined,
        offered: undefined,
        behind: undefined,
        doneTurn: Number.NEGATIVE_INFINITY,
        doneNumber: -1,
      }
      byPath.set(path, contents)
      return contents
    },
    closed({ path, contents }) {
      if (--contents.count === 0) byPath.delete(path)
    },
    stuck,
    whole(file) {
      if (file.turn !== 0) return
      file.turn = file.triedBefore ? ++earlyTurns : ++turns
      // One that is assembling goes on at once.
      if (file.state !== 'assembling' && isIdle(file)) stuck(file)
    },
    outdate({ contents, turn, number }) {
      contents.doneTurn = Math.max(contents.doneTurn, turn)
      contents.doneNumber = Math.max(contents.doneNumber, number)
      if (contents.count === 1) return NONE
      const older = new Set<OpenFile>() // some are in more than one of the places
      const add = (other: OpenFile) => {
        if (isIdle(other) || other.state === 'queued') older.add(other)
      }
      if (contents.offered !== undefined && contents.offered.turn < turn) add(contents.offered)
      for (const heap of [contents.stuck, contents.behind])
        for (let other = heap?.peek(); other !== undefined && other.turn < turn; other = heap?.peek()) {
          heap?.take()
          add(other)
        }
      return [...older]
    },
  }
}
