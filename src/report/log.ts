/** The log: winston writing one line per entry to stderr and, where asked for, to a file that is rotated by size. */

import { styleText } from 'node:util'
import winston from 'winston'
import { type Plain, plainFields } from '../core/text/plain-value.ts'
import { HIDDEN, jsonLine, oneLine } from '../core/text/shown-text.ts'
import { type LogPlace, openLogFile } from './log-file.ts'

export const LEVELS = { error: 0, warn: 1, info: 2, verbose: 3, debug: 4 } as const
export type Level = keyof typeof LEVELS
export type Format = 'pretty' | 'logfmt' | 'json'

export interface Log {
  write(level: Level, message: string, fields?: object): void
  enabled(level: Level): boolean
  /** Resolves when every line is written; what is logged later is left out. */
  close(): Promise<void>
}

/** Hears each message with its fields, up to a level. */
export interface Hearer {
  readonly level: Level
  message(level: Level, text: string): void
}

export interface LogOptions {
  readonly level: Level
  readonly format: Format
  readonly color: boolean
  /** Under systemd's journal: no time (the journal has it), the priority in front. */
  readonly journal: boolean
  /** Takes each line, its end included. */
  readonly write: (line: string) => void
  readonly file: LogPlace | undefined
  readonly onFileError: (error: Error) => void
  readonly heard?: Hearer | undefined
}

/** Of the fields of an entry. */
const MOST_CHARS = 65_536
/** Its type has another name. The ready-made ones keep each entry for a turn: a plugin may print a million lines in one. */
const { Transport } = winston as unknown as {
  readonly Transport: new (options: {
    readonly format: winston.Logform.Format
    log(info: Readonly<Record<symbol, unknown>>, done: () => void): void
  }) => winston.transport
}
/** Where winston puts the line that a format has made. */
const MESSAGE = Symbol.for('message')
const PRIORITY: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6, verbose: 6, debug: 7 }

/** `auto`: for people on a terminal, else plain lines. */
export function chosenFormat(wanted: 'auto' | Format, isTerminal: boolean): Format {
  return wanted === 'auto' ? (isTerminal ? 'pretty' : 'logfmt') : wanted
}

export function openLog(options: LogOptions): Log {
  const enabled = (level: Level) => LEVELS[level] <= LEVELS[options.level]
  const { combine, timestamp, printf } = winston.format
  const lines = (format: (info: Entry) => string) =>
    combine(
      timestamp(),
      printf(info => format(info as Entry)),
    )
  const transport = (write: (line: string) => void, format: (info: Entry) => string) =>
    new Transport({
      format: lines(format),
      log(info, done) {
        write(`${info[MESSAGE]}\n`)
        done()
      },
    })
  const console = transport(options.write, info => line(info, options))
  const logger = winston.createLogger({
    levels: LEVELS,
    level: options.level,
    transports: [console],
    format: winston.format(info => info)(), // else each entry is made JSON of first, in vain
  })
  const file =
    options.file === undefined ? undefined : openLogFile({ file: options.file, onError: options.onFileError })
  if (file !== undefined)
    logger.add(transport(file.write, info => line(info, { format: 'logfmt', color: false, journal: false })))
  let isClosed = false
  return {
    write(level, message, given) {
      if (isClosed) return
      const { heard } = options
      const isHeard = heard !== undefined && LEVELS[level] <= LEVELS[heard.level]
      if (!isHeard && !enabled(level)) return
      const fields = plainFields(given, MOST_CHARS)
      if (isHeard) heard.message(level, `${message}${pairs(fields)}`)
      // One object: of a message beside it winston makes a format, and what comes from outside is none.
      if (enabled(level)) logger.log({ level, message, fields })
    },
    enabled,
    async close() {
      if (isClosed) return
      isClosed = true
      await new Promise<void>(resolve => {
        logger.on('finish', () => setImmediate(resolve))
        logger.end()
      })
      await file?.close()
    },
  }
}

interface Entry extends winston.Logform.TransformableInfo {
  readonly timestamp: string
  readonly fields: Fields
}

type Fields = Readonly<Record<string, Plain>>

function line(
  info: Entry,
  { format, color, journal }: Pick<LogOptions, 'format' | 'color' | 'journal'>,
): string {
  const level = info.level as Level
  const message = info.message as string
  const time = journal ? `<${PRIORITY[level]}>` : `${info.timestamp} `
  switch (format) {
    case 'json': {
      const own = { time: info.timestamp, level, message }
      return jsonLine({ ...own, ...info.fields, ...own }) // first, and no field takes their place
    }
    case 'logfmt':
      return `${time}${level} ${oneLine(message)}${pairs(info.fields)}`
    case 'pretty': {
      const mark = level === 'error' ? 'red' : level === 'warn' ? 'yellow' : 'dim'
      const clock = journal ? time : `${info.timestamp.slice(11, 19)} `
      const text = oneLine(message)
      if (!color) return `${clock}${level.padEnd(5)} ${text}${pairs(info.fields)}`
      return `${styleText('dim', clock, { validateStream: false })}${styleText(mark, level.padEnd(5), { validateStream: false })} ${text}${styleText('dim', pairs(info.fields), { validateStream: false })}`
    }
  }
}

/** ` key=value` for each field, as JSON where the bare text would be ambiguous or not plain. */
function pairs(fields: Fields): string {
  let text = ''
  for (const [key, value] of Object.entries(fields)) {
    const plain = typeof value === 'string' ? value : jsonLine(value)
    const name = key.replace(/[\s"=]/g, '_').replace(HIDDEN, '_')
    const isBare = plain !== '' && !/[\s"=]/.test(plain) && oneLine(plain) === plain
    text += ` ${name}=${isBare ? plain : jsonLine(plain)}`
  }
  return text
}
