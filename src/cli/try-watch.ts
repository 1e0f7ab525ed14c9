/** `dfsp try --watch`: all files again after each change of the plugin, until a signal. */
import type { Settings } from '../config/settings-type.ts'
import { errorJson, errorText } from '../report/error-text.ts'
import { watchModules } from '../run/plugin-watch.ts'
import { onStopSignal, type StopSignal, signalNumber } from '../run/shutdown.ts'
import type { Invocation } from './command.ts'
import { openConsole } from './terminal/console.ts'

/** `once` tries all files; what it throws is told, and the next change waited for. */
export async function tryOnEachChange(
  file: string,
  invocation: Invocation,
  { values }: Settings,
  once: () => Promise<number>,
): Promise<number> {
  const { json, debug } = values
  const console = openConsole(invocation, values)
  let changed: readonly string[] | undefined
  let stopped: StopSignal | undefined
  let wake = () => {}
  const stopWatching = await watchModules(file, names => {
    changed = names
    wake()
  })
  const stopListening = onStopSignal(signal => {
    stopped = signal
    wake()
  })
  try {
    while (stopped === undefined) {
      changed = undefined
      try {
        await once()
      } catch (error) {
        if (json) invocation.stdout.write(`${errorJson(error)}\n`)
        invocation.stderr.write(errorText(error, { debug }))
      }
      if (stopped !== undefined) break
      console.log.write('info', 'waiting for a change of the plugin (Ctrl-C ends)')
      if (changed === undefined)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      if (stopped === undefined) console.log.write('info', `${(changed ?? []).join(', ')} changed`)
    }
    return stopped === 'SIGPIPE' ? 128 + signalNumber(stopped) : 0
  } finally {
    stopListening()
    await stopWatching()
    await console.close()
  }
}
