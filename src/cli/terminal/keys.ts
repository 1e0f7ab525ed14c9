/**
 * Keys on a terminal, read one by one. The terminal is in raw mode for that, in which it makes no signals: Ctrl-C,
 * Ctrl-Z and Ctrl-\ are sent from here, as the terminal would, to all programs of the foreground job.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Keys {
  /** Gives the terminal back as it was; nothing is read any more. */
  end(): void
}

const SENT: Readonly<Record<string, NodeJS.Signals>> = { '\x03': 'SIGINT', '\x1c': 'SIGQUIT' }
const CTRL_Z = '\x1a'
const STOPPING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** `pressed` is called with each other key. Off a terminal, stdin is never touched. */
export function readKeys(input: NodeJS.ReadStream, pressed: (key: string) => void): Keys {
  let isOver = false

  function begin(): void {
    // In the background even looking at the terminal would stop the process.
    if (isOver || input.isRaw || !isForeground()) return
    input.setRawMode(true)
    input.resume()
  }

  function giveBack(): void {
    input.pause()
    if (input.isRaw) input.setRawMode(false)
  }

  function suspend(): void {
    giveBack()
    process.kill(process.pid, 'SIGSTOP')
  }

  function onData(data: Buffer): void {
    for (const key of data.toString('latin1')) {
      const signal = SENT[key]
      if (signal !== undefined) process.kill(0, signal)
      else if (key === CTRL_Z) process.kill(0, 'SIGTSTP')
      else pressed(key)
    }
  }

  function end(): void {
    if (isOver) return
    isOver = true
    giveBack()
    input.off('data', onData)
    process.off('exit', end).off('SIGTSTP', suspend).off('SIGCONT', begin)
    for (const signal of STOPPING) process.off(signal, end)
  }

  input.on('error', () => {}) // the terminal was closed: there are no keys any more
  input.on('data', onData)
  input.pause()
  process.on('exit', end).on('SIGTSTP', suspend).on('SIGCONT', begin)
  // From the first signal on the terminal makes them itself again: the second has to end the process at once.
  for (const signal of STOPPING) process.on(signal, end)
  begin()
  return { end }
}

/** Whether this process belongs to the terminal's foreground job. */
function isForeground(): boolean {
  try {
    if (process.platform === 'linux') {
      const fields = readFileSync('/proc/self/stat', 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return fields[2] === fields[5] // process group, and the terminal's foreground group
    }
    const { stdout } = spawnSync('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)], {
      encoding: 'utf8',
    })
    const [group, foreground] = stdout.trim().split(/\s+/)
    return group !== undefined && group === foreground
  } catch {
    return false
  }
}
