/**
 * `npm run test:chaos -- --seconds N [--seed S] [--hosts N]`: a group's members are killed, frozen, doubled and cut off at
 * random while files of all sizes arrive; then it counts. Several hosts share the topic. Ends with 1 when a promise was broken, and keeps the logs then.
 * A seed repeats the order of the faults, not their exact moments.
 */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openMSIStreamBin } from '../test/support/openmsistream-venv.ts'

const SHOWN = 20

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { seconds: text, seed: text, hosts: text } })
const hosts = whole(values.hosts ?? '1', '--hosts')
const seconds = whole(values.seconds ?? '60', '--seconds')
const seed = whole(values.seed ?? String(Date.now() % 1_000_000), '--seed')
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
process.env.DFSP_TEST_OPENMSISTREAM ??= await openMSIStreamBin().catch(error => {
  console.log(`chaos: without OpenMSIStream: ${(error as Error).message}`)
  return ''
})

// After the variable is set, which it reads when it is loaded.
const { chaos } = await import('../test/chaos/chaos.ts')
const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-chaos-'))
console.log(`chaos: seed ${seed}, ${seconds} s, ${hosts} hosts, logs in ${folder}`)
const result = await chaos({ seconds, seed, folder, hosts }, text => console.log(`chaos: ${text}`))
const { broken, repeats, files, processed, records, bytes, attempts } = result
const again = repeats.notYetCommitted + repeats.byFrozen + repeats.sentAgain
console.log(`
files sent             ${files} (${records} records, ${(bytes / 1e6).toFixed(0)} MB)
processed              ${processed}, in ${attempts} attempts
processed again        ${again} (${((100 * again) / Math.max(1, processed)).toFixed(2)} %)
  not yet committed    ${repeats.notYetCommitted}
  by a frozen process  ${repeats.byFrozen}
  sent again           ${repeats.sentAgain}
what was done to it    ${Object.entries(result.actions)
  .sort(([, a], [, b]) => b - a)
  .map(([action, n]) => `${action} ${n}`)
  .join(', ')}
seconds in all         ${result.seconds}
promises broken        ${broken.length}`)
for (const line of broken.slice(0, SHOWN)) console.log(`  ${line}`)
if (broken.length > SHOWN) console.log(`  and ${broken.length - SHOWN} more: ${join(folder, 'broken')}`)
if (broken.length > 0) {
  fs.writeFileSync(join(folder, 'broken'), broken.map(line => `${line}\n`).join(''))
  console.log(`chaos: seed ${seed}, logs kept in ${folder}`)
} else fs.rmSync(folder, { recursive: true })
process.exit(broken.length > 0 ? 1 : 0)

function whole(text: string, name: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  console.error(`chaos: ${name} is a whole number, not ${text}`)
  process.exit(2)
}
