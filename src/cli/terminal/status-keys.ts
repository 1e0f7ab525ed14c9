/** How a run stands, for whoever asks: by a key on a terminal, by SIGUSR2 elsewhere. */
import type { RunView } from '../../report/monitor/run-view.ts'
import { KEYS_HELP, statusText } from '../../report/monitor/status-text.ts'
import type { Console } from './console.ts'
import { type Keys, readKeys } from './keys.ts'

export interface StatusKeys {
  /** The run reads: keys are heard from now on. */
  attach(view: RunView): void
  end(): void
}

export function statusKeys({ print, isTerminal }: Console): StatusKeys {
  let view: RunView | undefined
  let keys: Keys | undefined
  const tell = () => print(statusText(view))
  function pressed(key: string): void {
    if (key === 'c') tell()
    else if (key === 'q') process.kill(process.pid, 'SIGINT')
    else if (key === '?') print([KEYS_HELP])
  }
  process.on('SIGUSR2', tell)
  return {
    attach(given) {
      view = given
      if (process.stdin.isTTY && isTerminal) keys = readKeys(process.stdin, pressed)
    },
    end() {
      keys?.end()
      process.off('SIGUSR2', tell)
    },
  }
}
