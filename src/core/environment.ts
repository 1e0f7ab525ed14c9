/** Which failures are the environment's and not the file's: every other file would meet them, too. */

/** What a plugin gives an Error as its `code` to say so itself. */
export const E_ENVIRONMENT = 'E_ENVIRONMENT'

/** Codes of Node and of the system: what is written to has no room, does not answer, or is not there. */
const CODES: ReadonlySet<unknown> = new Set([
  E_ENVIRONMENT,
  // Disks and network file systems
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'ESTALE',
  'EREMOTEIO',
  'ENODEV',
  'EMFILE',
  'ENFILE',
  'EFBIG', // ulimit -f; what no file system takes of one file is told from it where that is written
  // Servers. Not EPIPE: that is as often a child process that this one file has crashed.
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ENOTFOUND',
])

/** While a plugin thread begins, want of what every thread needs (files, memory, processes) is no fault of the plugin either. */
export const WHILE_STARTING: ReadonlySet<unknown> = new Set([
  ...CODES,
  'ENOMEM',
  'EAGAIN',
  'ERR_WORKER_INIT_FAILED', // Node's, for each of them
])

/** What stands in the way of one path, such as a folder in the place of the file: it says nothing of other files. */
const OF_A_PATH: ReadonlySet<unknown> = new Set([
  'EISDIR',
  'ENOTDIR',
  'EEXIST',
  'ENOTEMPTY',
  'ENAMETOOLONG',
  'ELOOP',
])

/** Of an error that wraps others, such as `fetch failed`. */
const DEEPEST = 4

interface Coded {
  readonly code?: unknown
  readonly cause?: unknown
}

export function isEnvironmental(error: Coded, codes = CODES): boolean {
  return hasCode(error, codes)
}

export function isOfItsPath(error: Coded): boolean {
  return hasCode(error, OF_A_PATH)
}

/** Whether an error, or what caused it, has such a code. */
function hasCode(error: Coded, codes: ReadonlySet<unknown>): boolean {
  let at: unknown = error
  for (let depth = 0; depth < DEEPEST && typeof at === 'object' && at !== null; depth++) {
    const { code, cause } = at as Coded
    if (codes.has(code)) return true
    at = cause
  }
  return false
}
