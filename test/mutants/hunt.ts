/** `hunt.ts solo|shared MOST`: histories from seed 1 on until one breaks a promise; tells which, and ends with 1 then. */
import { runHistory } from '../sim/history.ts'
import { runSharedHistory } from '../sim/shared/history.ts'

const [kind, most] = process.argv.slice(2)
const run = kind === 'solo' ? runHistory : runSharedHistory
let seed = 0

process.on('unhandledRejection', error => found(`thrown: ${(error as Error).message}`))
while (++seed <= Number(most)) {
  const { violation } = await run(seed)
  if (violation !== undefined) found(violation)
}

function found(what: string): never {
  console.error(`seed ${seed}: ${what.split('\n', 1)[0]}`)
  process.exit(1)
}
