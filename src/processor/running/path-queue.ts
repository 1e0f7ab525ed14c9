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
  /**
   * The file that tells most of the environment: one that was never tried, also where older ones of its path are queued before
   * it; else that which was taken so longest ago, since it may be broken itself. Looks at all files.
   */
  takeProbe(): OpenFile | undefined
  /** The file that was taken has ended for now: the next one of its path may run. */
  free(file: OpenFile): void
}

const byTurn = ({ turn }: OpenFile) => turn

/** `all` open files. One that was closed or set aside since it was queued is passed over. */
export function pathQueue(all: () => Iterable<OpenFile>): PathQueue {
  /** Offered files of paths that are free, and some that are not offered any more. */
  const ready = heap(byTurn)
  /** Which of the probes a file was last. */
  const probed = new WeakMap<OpenFile, number>()
  let probes = 0

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

  function tellsMore(one: OpenFile, other: OpenFile): boolean {
    const since = (file: OpenFile) => (file.wasTried ? (probed.get(file) ?? 0) : -1)
    return (since(one) - since(other) || one.turn - other.turn) < 0
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
    takeProbe() {
      let found: OpenFile | undefined
      for (const file of all())
        if (isQueued(file) && file.contents.busy === undefined && (!file.wasTried || isReady(file)))
          if (found === undefined || tellsMore(file, found)) found = file
      if (found === undefined) return undefined
      const { offered } = found.contents
      if (offered !== undefined && offered !== found) wait(offered)
      probed.set(found, ++probes)
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
