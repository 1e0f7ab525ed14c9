// dfsp's side of scripts/side-by-side.ts: takes 20 ms for each file, then appends its path to $CALLS.
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const calls = fs.openSync(process.env.CALLS, 'a')

export default async function noting(file) {
  await delay(20)
  fs.writeSync(calls, `${file.path}\n`)
  return null
}
