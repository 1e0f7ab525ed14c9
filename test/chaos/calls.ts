/** What the plugin of the chaos run wrote: one line per event, in the order in which it happened. */
import fs from 'node:fs'

export type Call = {
  what: 'begin' | 'ok' | 'fail' | 'hang' | 'exit'
  pid: number
  attempt: number
  deliveryId: string
  digest: string
  path: string
  /** Place of its line in the file: of two events the later one has the higher place. */
  at: number
}

export type Calls = {
  /** For $CHAOS_CALLS. */
  file: string
  /** All events so far, with those of the last moment. */
  all(): readonly Call[]
  /** The place that the next event will have. */
  now(): number
}

export function openCalls(file: string): Calls {
  fs.writeFileSync(file, '')
  const calls: Call[] = []
  let read = 0
  return {
    file,
    all() {
      const size = fs.statSync(file).size
      const text = readPart(file, read, size)
      const whole = text.lastIndexOf('\n') + 1
      let at = read
      for (const line of text.slice(0, whole).split('\n').slice(0, -1)) {
        calls.push(callOf(line, at))
        at += line.length + 1
      }
      read += whole
      return calls
    },
    now: () => fs.statSync(file).size,
  }
}

function callOf(line: string, at: number): Call {
  const [what, pid, attempt, deliveryId, digest, path, ...more] = line.split(' ')
  if (path === undefined || more.length > 0) throw new Error(`a line of the plugin is torn: ${line}`)
  return {
    what: what as Call['what'],
    pid: Number(pid),
    attempt: Number(attempt),
    deliveryId: deliveryId as string,
    digest: digest as string,
    path,
    at,
  }
}

function readPart(file: string, from: number, to: number): string {
  const fd = fs.openSync(file, 'r')
  try {
    const part = Buffer.alloc(to - from)
    let have = 0
    while (have < part.length) have += fs.readSync(fd, part, have, part.length - have, from + have)
    return part.toString('latin1')
  } finally {
    fs.closeSync(fd)
  }
}
