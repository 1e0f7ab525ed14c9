// The plugin of `npm run test:chaos`. One line per event, in one write to a file opened for appending, so that a kill
// leaves whole lines: `<what> <pid> <attempt> <deliveryId> <SHA-512 of the content, 16 digits> <path>`.
// A path that holds ".bad" always fails; with $CHAOS_FAULTS others fail, hang, exit or dawdle by chance.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const calls = fs.openSync(process.env.CHAOS_CALLS, 'a')
const faults = process.env.CHAOS_FAULTS === '1'

export default async function chaos(file) {
  const digest = createHash('sha512').update(file.bytes).digest('hex').slice(0, 16)
  const note = what =>
    fs.writeSync(calls, `${what} ${process.pid} ${file.attempt} ${file.deliveryId} ${digest} ${file.path}\n`)
  note('begin')
  if (file.path.includes('.bad')) {
    note('fail')
    return new Error('this file is bad')
  }
  const chance = faults ? Math.random() : 1
  if (chance < 0.02) {
    note('fail')
    if (chance < 0.01) throw new Error('thrown by chance')
    return new Error('failed by chance')
  }
  if (chance < 0.024) {
    note('hang')
    await new Promise(resolve => setTimeout(resolve, 2 ** 30))
  }
  if (chance < 0.028) {
    note('exit')
    process.exit(1)
  }
  if (chance < 0.1) await delay(chance * 4000)
  note('ok')
  return null
}
