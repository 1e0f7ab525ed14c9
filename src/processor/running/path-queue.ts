/**
 * Whole files that wait for a thread: of each path one at a time, in the order in which they became whole, also where
 * one of them is tried again. What it costs does not depend on how many contents a path has.
 */
import { heap } from '../../core/heap.ts'
import type { OpenFile, PathContents } from '../table/open-file.ts'

export interface PathQueue {
  /** Takes a file that is queued, also one that was taken and is to be tried again. */
  add(file: OpenFile): void
  /** Whether there is one to take. */
  readonly hasNext: boolean
  /** The next file of a path that is free; the path is busy until `free`. */
  take(): OpenFile | undefined
  /** The same of a file that was never tried, also where older ones of its path are queued before it. Looks at all files. */
  takeUntried(): OpenFile | undefined
  /** The file that was taken has ended for now: the next one of its path may run. */
  free(file: OpenFile): void
}

const byTurn = ({ turn }: OpenFile) => turn

/** `all` open files. One that was closed or set aside since it was queued is passed over. */
export function pathQueue(all: () => Iterable<OpenFile>): PathQueue {
  /** Offered files of paths that are free, and some that are not offered any more. */
  const ready = heap(byTurn)

  function offer(contents: PathContents, file: OpenFile | undefined): void {
    contents.offered = file
    if (file !== undefined) ready.add(file)
  }

  function wait(file: OpenFile): void {
    file.contents.behind ??= heap(byTurn)
    file.contents.behind.add(file)
  }

  function offerNext(contents: PathContents): void {
    let next = contents.behind?.take()
    while (next !== undefined && !isQueued(next)) next = contents.behind?.take()
    offer(contents, next)
  }

  function isReady(file: OpenFile): boolean {
    return isQueued(file) && file.contents.offered === file
  }

  /** The next one, which stays. */
  function next(): OpenFile | undefined {
    for (let file = ready.peek(); file !== undefined; file = ready.peek()) {
      if (isReady(file)) return file
      ready.take()
      if (file.contents.offered === file) offerNext(file.contents)
    }
    return undefined
  }

  function begin(file: OpenFile): OpenFile {
    file.contents.offered = undefined
    file.contents.busy = file
    return file
  }

  return {
    add(file) {
      const { contents } = file
      const { offered } = contents
      if (contents.busy === file) contents.busy = undefined
      if (contents.busy !== undefined) return wait(file)
      if (offered !== undefined && isQueued(offered) && offered.turn < file.turn) return wait(file)
      if (offered === undefined && contents.behind === undefined) return offer(contents, file)
      // An older one may be behind it: it was passed over for a file that was never tried.
      wait(file)
      if (offered !== undefined) wait(offered)
      offerNext(contents)
    },
    get hasNext() {
      return next() !== undefined
    },
    take() {
      const file = next()
      return file && begin(file)
    },
    takeUntried() {
      let found: OpenFile | undefined
      for (const file of all())
        if (isQueued(file) && !file.wasTried && file.contents.busy === undefined)
          if (found === undefined || file.turn < found.turn) found = file
      if (found === undefined) return undefined
      const { offered } = found.contents
      if (offered !== undefined && offered !== found) wait(offered)
      return begin(found)
    },
    free(file) {
      const { contents } = file
      if (contents.busy !== file) return
      contents.busy = undefined
      offerNext(contents)
    },
  }
}

function isQueued(file: OpenFile): boolean {
  return file.state === 'queued'
}
