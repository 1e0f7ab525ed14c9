/** What a command that works on files shows: log lines, --json lines, and the live block on a terminal. */
import type { Values } from '../../config/options/options.ts'
import { textLines } from '../../core/text/shown-text.ts'
import type { FromThread } from '../../plugin/messages.ts'
import type { RunEvent, RunStats } from '../../report/events.ts'
import { type LiveBlock, type LiveTitle, liveBlock } from '../../report/live-block.ts'
import { chosenFormat, type Hearer, type Log, openLog } from '../../report/log.ts'
import type { LogPlace } from '../../report/log-file.ts'
import { reporter } from '../../report/reporter.ts'
import { leftOutNote } from '../../report/waiting-lines.ts'
import type { Invocation } from '../command.ts'
import { steadyOutput } from './steady-output.ts'
import { unblocked } from './unblocked.ts'

/** What is shown beside the log on stderr. */
export interface ConsoleUses {
  readonly topic?: string
  readonly logFile?: LogPlace | undefined
  /** Title of the live block, or a mere status line; nothing is drawn without it. */
  readonly live?: LiveTitle | 'status' | undefined
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

export function openConsole(
  invocation: Invocation,
  options: Pick<Values, 'json' | 'noColor' | 'logLevel' | 'logFormat'>,
  { topic = '', logFile, live, heard }: ConsoleUses = {},
): Console {
  const { env } = invocation
  const [stdout, stderr] = [unblocked(invocation.stdout), unblocked(invocation.stderr)]
  const terminal = stderr.stream as NodeJS.WriteStream
  const isTerminal = terminal.isTTY === true && env.TERM !== 'dumb'
  const block: LiveBlock | undefined =
    isTerminal && live && !options.json
      ? liveBlock(terminal, live === 'status' ? undefined : live)
      : undefined
  const output = (name: string, stream: NodeJS.WritableStream, onLeftOut: (count: number) => string) =>
    steadyOutput(stream, {
      onBroken(error) {
        // Nobody reads stdout: the stop that follows is told.
        if (name === 'stdout' && error.code === 'EPIPE') return
        log.write('warn', `${name} cannot be written, it goes on without: ${error.message}`)
      },
      onLeftOut,
    })
  const results = output('stdout', stdout.stream, count => {
    log.write('warn', `stdout was read too slowly: ${count} lines of it were left out`)
    return ''
  })
  const told = output('stderr', stderr.stream, count => leftOutNote(count, 'they are read'))
  const out = (line: string) => results.write(`${line}\n`)
  const write = (line: string) => (block && !told.isBehind ? block.line(line) : told.write(line))
  const log: Log = openLog({
    level: options.logLevel,
    format: chosenFormat(options.logFormat, isTerminal),
    color: isTerminal && !options.noColor && !env.NO_COLOR,
    journal: env.JOURNAL_STREAM !== undefined && !isTerminal,
    write,
    file: logFile,
    heard,
    onFileError: error => write(textLines([`the log file cannot be written: ${error.message}`])),
  })
  const draw = block ? (stats: RunStats) => told.isBehind || block.draw(stats) : undefined
  const json = options.json ? out : undefined
  const events = reporter({ log, topic, json, draw, now: () => performance.now() })
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
      results.close()
      await log.close()
      told.close()
      await stdout.close()
      await stderr.close()
    },
  }
}
