/** What a command that works on files shows: log lines, --json lines, and the live block on a terminal. */
import { textLines } from '../../core/text/shown-text.ts'
import type { FromThread } from '../../plugin/messages.ts'
import type { RunEvent, RunStats } from '../../report/events.ts'
import { type LiveBlock, type LiveTitle, liveBlock } from '../../report/live-block.ts'
import { chosenFormat, type Format, type Hearer, type Level, type Log, openLog } from '../../report/log.ts'
import type { LogPlace } from '../../report/log-file.ts'
import { reporter } from '../../report/reporter.ts'
import type { Invocation } from '../command.ts'
import { steadyOutput } from './steady-output.ts'
import { unblocked } from './unblocked.ts'

export interface ConsoleOptions {
  readonly level: Level
  readonly format: 'auto' | Format
  readonly json: boolean
  readonly noColor: boolean
  readonly logFile: LogPlace | undefined
  readonly topic: string
  /** Title of the live block, or a mere status line; nothing is drawn without it. */
  readonly live: LiveTitle | 'status' | undefined
  readonly heard?: Hearer | undefined
}

export interface Console {
  readonly log: Log
  report(event: RunEvent): void
  logFromPlugin(entry: Extract<FromThread, { type: 'log' }>): void
  readonly isTerminal: boolean
  /** Whether the live block is there, and wants to be redrawn often. */
  readonly isLive: boolean
  /** Writes a line to stdout, without its end. */
  out(line: string): void
  /** Writes lines for whoever asked for them, whatever the level of the log. */
  print(lines: readonly string[]): void
  /** Draws the status line, where there is one. */
  status(text: string): void
  close(): Promise<void>
}

export function openConsole(options: ConsoleOptions, invocation: Invocation): Console {
  const { env } = invocation
  const [stdout, stderr] = [unblocked(invocation.stdout), unblocked(invocation.stderr)]
  const terminal = stderr.stream as NodeJS.WriteStream
  const isTerminal = terminal.isTTY === true && env.TERM !== 'dumb'
  const block: LiveBlock | undefined =
    isTerminal && options.live && !options.json
      ? liveBlock(terminal, options.live === 'status' ? undefined : options.live)
      : undefined
  const output = (name: string, stream: NodeJS.WritableStream) =>
    steadyOutput(stream, {
      onBroken(error) {
        // Nobody reads stdout: the stop that follows is told.
        if (name === 'stdout' && error.code === 'EPIPE') return
        log.write('warn', `${name} cannot be written, it goes on without: ${error.message}`)
      },
      onLeftOut: count =>
        log.write('warn', `${name} was read too slowly: ${count} lines of it were left out`),
    })
  const results = output('stdout', stdout.stream)
  const told = output('stderr', stderr.stream)
  const out = (line: string) => results.write(`${line}\n`)
  const write = (line: string) => (block && !told.isBehind ? block.line(line) : told.write(line))
  const log: Log = openLog({
    level: options.level,
    format: chosenFormat(options.format, isTerminal),
    color: isTerminal && !options.noColor && !env.NO_COLOR,
    journal: env.JOURNAL_STREAM !== undefined && !isTerminal,
    write,
    file: options.logFile,
    heard: options.heard,
    onFileError: error => write(textLines([`the log file cannot be written: ${error.message}`])),
  })
  const draw = block ? (stats: RunStats) => told.isBehind || block.draw(stats) : undefined
  const json = options.json ? out : undefined
  const events = reporter({ log, topic: options.topic, json, draw, now: () => performance.now() })
  return {
    log,
    report(event) {
      if (event.type === 'summary') block?.end()
      events.report(event)
    },
    logFromPlugin: ({ level, message, fields, path }) =>
      log.write(level, message, { ...(path === undefined ? {} : { file: path }), ...fields }),
    isTerminal,
    isLive: block !== undefined,
    out,
    print: lines => write(textLines(lines)),
    status: text => told.isBehind || block?.status(text),
    async close() {
      block?.end()
      await log.close()
      results.close()
      told.close()
      await stdout.close()
      await stderr.close()
    },
  }
}
