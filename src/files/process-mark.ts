/**
 * Names of processes that last in a folder: whoever comes later tells by them whether the process is gone. Several containers
 * may have the folder, of one host name and with process ids that begin at 1: so a name has the place where its process id
 * holds, and what bears it has to be touched now and then, which tells those of other places that it lives.
 */
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import { isAlive } from '../base/alive.ts'

/** What bears a mark is to be touched so often, */
export const BEAT_MS = 10_000
/** and is of a process that is gone, or was frozen for as long, where it was not. */
const SILENT_MS = 120_000

/** Of the host's name, its kernel's start and the space of process ids: of that of a dead container the numbers may come again. */
const PLACE = createHash('sha256')
  .update(`${os.hostname()}\0${bootId()}\0${pidSpace()}`)
  .digest('hex')
  .slice(0, 8)
const MARK = /^(.*)-(\d+)-([0-9a-f]{8})-[0-9a-f]{8}$/
/** As it was before there were places. */
const OLD_MARK = /^(.*)-(\d+)$/

/** Another one at each call. */
export function newMark(): string {
  return `${os.hostname()}-${process.pid}-${PLACE}-${randomBytes(4).toString('hex')}`
}

/** Whether the process of a mark other than our own is gone. `silentMs`: since what bears it was touched. */
export function isGone(mark: string, silentMs: number): boolean {
  const [, , pid, place] = MARK.exec(mark) ?? []
  if (place === PLACE) return Number(pid) === process.pid || !isAlive(Number(pid))
  if (place !== undefined) return silentMs > SILENT_MS
  const [, host, oldPid] = OLD_MARK.exec(mark) ?? []
  return host === os.hostname() && !isAlive(Number(oldPid))
}

function bootId(): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')
  } catch {
    return '' // no Linux
  }
}

function pidSpace(): string {
  try {
    return fs.readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}
