/**
 * One temporary file for the bytes of many: pages of 64 KiB, used again and again, as the arena's. A file of its own
 * for each would cost several times its bytes to make and remove, and more handles than a process may have.
 */
import fs from 'node:fs'
import { faultPoint } from '../base/fault-point.ts'
import { PAGE_BYTES } from '../core/page-bytes.ts'

const { O_RDWR, O_CREAT, O_EXCL } = fs.constants

export interface Spool {
  /** For reading, by other threads too; whoever removes the file's name takes nothing from it. */
  readonly fd: number
  take(): number
  give(page: number): void
  /** Writes `data[from, to)` into a page at byte `at`; throws the system's error, such as ENOSPC. */
  write(page: number, at: number, data: Uint8Array, from: number, to: number): void
}

/** `place`: where it is to be made, once something is written. */
export function spool(place: () => string): Spool {
  let fd: number | undefined
  let pages = 0
  let free: number[] = []
  const open = () => {
    if (fd === undefined) {
      const name = place()
      fs.rmSync(name, { force: true })
      fd = fs.openSync(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
    }
    return fd
  }
  return {
    get fd() {
      return open()
    },
    take: () => free.pop() ?? pages++,
    give(page) {
      free.push(page)
      if (free.length < pages) return
      free = []
      pages = 0
      if (fd !== undefined) fs.ftruncateSync(fd, 0)
    },
    write(page, at, data, from, to) {
      faultPoint('disk-write')
      for (let done = from; done < to; )
        done += fs.writeSync(open(), data, done, to - done, page * PAGE_BYTES + at + done - from)
    },
  }
}
