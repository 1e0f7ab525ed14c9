/**
 * Every error that a user can meet: one class, one table from code to exit status.
 *
 * An error says what failed (`message`), where and why (`facts`, one line each) and what to do next (`next`).
 *
 * base/ is what everything may use. It imports nothing of dfsp.
 */

/** Exit statuses, named after BSD's sysexits where one fits; `dfsp help exit-codes` prints this table. */
export const EXIT_CODES = {
  0: 'done, or a continuous run stopped by SIGINT, SIGTERM or SIGHUP after draining and committing',
  1: 'internal error: please report it',
  2: 'usage: an argument is wrong or missing',
  3: 'finished, but at least one file was not processed (failed, held, mismatched, undecodable, deleted, or incomplete for too long)',
  66: 'the plugin, config file or input path does not exist',
  69: 'the broker or the topic is unavailable',
  73: 'the output directory cannot be written',
  75: 'try again later: another member holds the group, another program the port of --http, everything fails or the disk is full, or draining took too long',
  77: 'authentication failed or an ACL forbids it',
  78: 'the config or the plugin is invalid, or the topic cannot be shared',
} as const

/** Those above 128, as shells count signals. */
export const SIGNAL_EXITS: readonly (readonly [status: string, meaning: string])[] = [
  ['128+n', 'a finite run ended by signal n before its end, or a second SIGINT or SIGTERM'],
  ['137', 'killed by the system, or by itself where native code of the plugin kept a thread from ending'],
  ['141', 'nobody read stdout any more (dfsp run --json | head): what ran was finished and committed first'],
]

export type ExitCode = keyof typeof EXIT_CODES

const EXIT_OF = {
  E_INTERNAL: 1,
  E_USAGE: 2,
  E_NO_BROKER: 2,
  E_NOT_FOUND: 66,
  E_PLUGIN_MISSING: 66,
  E_BROKER_UNREACHABLE: 69,
  E_TLS: 69,
  E_TOPIC_MISSING: 69,
  E_KAFKA: 69,
  E_OUTPUT: 73,
  E_GROUP_BUSY: 75,
  E_UPLOAD_BUSY: 75,
  E_NOT_DRAINED: 75,
  E_BREAKER: 75,
  E_PORT: 75,
  E_OPEN_FILES: 75,
  E_AUTH: 77,
  E_ACL: 77,
  E_CONFIG: 78,
  E_NOT_KEYED: 78,
  E_ENCRYPTION: 78,
  E_PLUGIN: 78,
  E_ADDON: 78,
} as const satisfies Record<string, ExitCode>

export type ErrorCode = keyof typeof EXIT_OF

export class DfspError extends Error {
  readonly code: ErrorCode
  /** Where and why: one line each, printed indented below the message. */
  readonly facts: readonly string[]
  /** What to do next, without the word "Try:". */
  readonly next: string | undefined

  constructor(
    code: ErrorCode,
    message: string,
    details: { facts?: readonly string[]; next?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'DfspError'
    this.code = code
    this.facts = details.facts ?? []
    this.next = details.next
  }

  get exitCode(): ExitCode {
    return EXIT_OF[this.code]
  }
}
