/** Starts one of child.ts; it ends with this process, frozen or not. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { broker } from '../../support/broker.ts'
import { type Exit, startGuarded } from '../../support/guarded.ts'
import { until } from '../../support/until.ts'

export type Child = {
  /** Waits for what it tells, a line in JSON; rejects where it ends without. */
  told<T>(): Promise<T>
  kill(signal: NodeJS.Signals): void
  /** Waits for its end, and gives all that it printed. */
  ended(): Promise<Exit & { output: string }>
}

export async function startChild(
  scenario: string,
  topic: string,
  ...args: readonly string[]
): Promise<Child> {
  const program = fileURLToPath(import.meta.resolve('./child.ts'))
  const folder = mkdtempSync(join(tmpdir(), 'dfsp-client-'))
  const log = join(folder, 'output')
  const output = openSync(log, 'a')
  const command = ['--import', 'tsx', program, scenario, broker, topic, ...args]
  const child = await startGuarded(process.execPath, command, { output, removeOnDeath: folder })
  closeSync(output)
  const printed = () => readFileSync(log, 'utf8')
  const line = () => /^\{.*\}$/m.exec(printed())?.[0]
  let exit: Exit | undefined
  void child.exited.then(found => {
    exit = found
  })
  return {
    kill: signal => process.kill(child.pid, signal),
    async told<T>() {
      await until(() => line() !== undefined || exit !== undefined)
      const found = line()
      if (found === undefined) throw new Error(`${scenario} ended with ${JSON.stringify(exit)}: ${printed()}`)
      return JSON.parse(found) as T
    },
    async ended() {
      const found = await child.join()
      const all = printed()
      rmSync(folder, { recursive: true })
      return { ...found, output: all }
    },
  }
}
