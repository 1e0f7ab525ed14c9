/**
 * Shared memory for file contents: segments of 16 MiB, divided into pages of 64 KiB that are numbered through and
 * used again and again (a fresh SharedArrayBuffer costs several times its copy, for the first touch of its pages).
 * A file takes pages only where it has bytes, so neither its final size nor a hostile offset has to be known.
 */
import { copyBytes } from '../base/copy-bytes.ts'
import { PAGE_BYTES } from '../core/page-bytes.ts'

const SEGMENT_BYTES = 16 * 1024 * 1024
const PAGES_PER_SEGMENT = SEGMENT_BYTES / PAGE_BYTES

export interface Arena {
  readonly segments: readonly SharedArrayBuffer[]
  /** Bytes of pages in use. */
  readonly usedBytes: number
  /** A page that is free now; its content is undefined. Grows the arena by a segment when none is. */
  take(): number
  give(page: number): void
  /** A view of one page. */
  page(page: number): Buffer
  /** Copies `data[from, to)` into a page at byte `at`. */
  write(page: number, at: number, data: Uint8Array, from: number, to: number): void
}

/** `onSegment` hears of every segment before a page of it is in use. */
export function arena(onSegment: (segment: SharedArrayBuffer) => void): Arena {
  const segments: SharedArrayBuffer[] = []
  const views: Buffer[] = []
  const free: number[] = []
  const grow = () => {
    const first = segments.length * PAGES_PER_SEGMENT
    const segment = new SharedArrayBuffer(SEGMENT_BYTES)
    segments.push(segment)
    views.push(Buffer.from(segment))
    // Taken from the end: ascending, so that a file's pages adjoin.
    for (let page = first + PAGES_PER_SEGMENT - 1; page >= first; page--) free.push(page)
    onSegment(segment)
  }
  const view = (page: number) => views[Math.floor(page / PAGES_PER_SEGMENT)] as Buffer
  const start = (page: number) => (page % PAGES_PER_SEGMENT) * PAGE_BYTES
  return {
    segments,
    get usedBytes() {
      return (segments.length * PAGES_PER_SEGMENT - free.length) * PAGE_BYTES
    },
    take() {
      if (free.length === 0) grow()
      return free.pop() as number
    },
    give: page => void free.push(page),
    page: page => view(page).subarray(start(page), start(page) + PAGE_BYTES),
    write: (page, at, data, from, to) => copyBytes(data.subarray(from, to), view(page), start(page) + at),
  }
}
