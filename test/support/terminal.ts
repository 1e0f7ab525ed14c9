/** A real terminal, by tmux: its screen, its keys, its size. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

const PROGRAM = fileURLToPath(import.meta.resolve('../../bin/dfsp.js'))

/** Why tests that need a terminal are skipped, or false. With CI=true a missing tmux is a failure. */
export const noTerminal =
  process.env.CI !== 'true' && !isThere() && 'no tmux: npm run setup installs it where it may'

export interface Terminal {
  /** What can be seen, without spaces at the ends of lines. */
  screen(): string[]
  /** All that was ever shown and not drawn over. */
  everything(): string
  /** The screen with its colours as escape sequences. */
  coloured(): string
  type(...keys: string[]): void
  resize(columns: number, rows: number): void
  /** Resolves when the screen matches. */
  shows(pattern: RegExp): Promise<void>
  end(): void
}

/** A shell in a terminal of its own; `dfsp` in it is this program. */
export function openTerminal(columns = 100, rows = 24): Terminal {
  const folder = mkdtempSync(join(tmpdir(), 'dfsp-tmux-'))
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-S', join(folder, 'socket'), '-f', '/dev/null', ...args], { encoding: 'utf8' })
  writeFileSync(join(folder, 'dfsp'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
    mode: 0o755,
  })
  const shell = `PATH='${folder}':$PATH PS1='$ ' LC_ALL=C.UTF-8 bash --norc --noprofile`
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), shell)
  tmux('set-option', '-g', 'status', 'off')
  // The server is no child of this process: it looks itself whether it is still wanted.
  const gone = `while kill -0 ${process.pid}; do sleep 2; done`
  tmux(
    'run-shell',
    '-b',
    `{ ${gone}; tmux -S ${folder}/socket kill-server; rm -rf ${folder}; } >/dev/null 2>&1`,
  )
  const capture = (...args: string[]) => tmux('capture-pane', '-p', ...args)
  const terminal: Terminal = {
    screen: () => capture().trimEnd().split('\n'),
    everything: () => capture('-S', '-').trimEnd(),
    coloured: () => capture('-e'),
    type: (...keys) => void tmux('send-keys', ...keys),
    resize: (width, height) => void tmux('resize-window', '-x', String(width), '-y', String(height)),
    shows: pattern =>
      until(() => pattern.test(capture())).catch(() => {
        throw new Error(`no ${pattern} on the screen:\n${capture()}`)
      }),
    end() {
      tmux('kill-server')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return terminal
}

function isThere(): boolean {
  try {
    execFileSync('tmux', ['-V'])
    return true
  } catch {
    return false
  }
}
