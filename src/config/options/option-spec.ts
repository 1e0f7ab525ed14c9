/** The shape of one row of the option table (options.ts), and the value that a row yields. */
import type { HostPort } from '../../core/host-port.ts'
import type { StartOffset } from '../../core/offsets/start-offset.ts'

export const COMMANDS = [
  'run',
  'upload',
  'repartition',
  'ls',
  'get',
  'status',
  'retry',
  'replay',
  'try',
  'demo',
  'config',
  'init',
  'completion',
  'help',
] as const
export type CommandName = (typeof COMMANDS)[number]

/** Headings of `--help`, in the order in which they are printed. */
export const GROUPS = [
  'Input',
  'Output',
  'Start and end',
  'Failures',
  'Resources',
  'Monitoring',
  'Kafka',
  'Log',
  'Other',
] as const
export type Group = (typeof GROUPS)[number]

/**
 * A spelling that OpenMSIStream's scripts use; accepted, never shown.
 * `as` rewrites the value where theirs differs: a bare number of bytes or seconds, a pattern that is anchored
 * at its start, a level of Python's logging.
 */
export interface OldName {
  readonly name: string
  readonly as?: 'bytes' | 'seconds' | 'anchored' | 'python-level'
}

interface Row {
  /** One letter. */
  readonly alias?: string
  /** One line; the help appends default and environment name. */
  readonly describe: string
  readonly group: Group
  readonly commands: readonly CommandName[]
  /** What stands for the value in the help. */
  readonly placeholder?: string
  readonly oldNames?: readonly OldName[]
  /** Neither `DFSP_X` nor `[dfsp] x`: it says where those are, or what this one call is to do. */
  readonly flagOnly?: true
}

export type OptionSpec = Row &
  (
    | { readonly type: 'string'; readonly default?: string }
    | { readonly type: 'topic'; readonly default?: string }
    /** One or more of HOST[:PORT] with commas between, as librdkafka reads them. */
    | { readonly type: 'brokers' }
    | { readonly type: 'integer'; readonly min: number; readonly max: number; readonly default?: number }
    /** Always has a value: false unless given. */
    | { readonly type: 'boolean' }
    /** "512MiB"; the value is in bytes, `min` and `max` too. */
    | { readonly type: 'size'; readonly min: number; readonly max: number; readonly default?: string }
    /** "1h30m"; the value is in milliseconds, `min` and `max` too. */
    | { readonly type: 'duration'; readonly min: number; readonly max: number; readonly default?: string }
    | { readonly type: 'regex' }
    | { readonly type: 'enum'; readonly choices: readonly string[]; readonly default?: string }
    /** earliest, latest or an ISO time. */
    | { readonly type: 'start'; readonly default: 'earliest' }
    /** An ISO time; the value is in milliseconds since the epoch. */
    | { readonly type: 'time' }
    /** "9464" or "0.0.0.0:9464"; without a host the loopback address. */
    | { readonly type: 'address' }
    /** May be repeated; empty unless given. */
    | { readonly type: 'list' }
    /** How often the flag stands there. */
    | { readonly type: 'count' }
  )

interface ValueOfType {
  string: string
  topic: string
  brokers: string
  integer: number
  boolean: boolean
  size: number
  duration: number
  regex: RegExp
  start: StartOffset
  time: number
  address: HostPort
  list: readonly string[]
  count: number
}

type Given<S extends OptionSpec> = S extends { type: 'enum'; choices: readonly (infer C)[] }
  ? C
  : ValueOfType[Exclude<S['type'], 'enum'>]

/** What settings hold for a row: `undefined` is possible only where the row has no default. */
export type ValueOf<S extends OptionSpec> = S extends
  | { default: unknown }
  | { type: 'boolean' | 'list' | 'count' }
  ? Given<S>
  : Given<S> | undefined

/** What the name of a value ends with, where it has a unit. */
export const UNITS = { duration: 'Ms', size: 'Bytes' } as const
type Unit<S extends OptionSpec> = S['type'] extends keyof typeof UNITS ? (typeof UNITS)[S['type']] : ''

type Camel<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S

/** "on-error" becomes "onError", the duration "max-time" becomes "maxTimeMs". */
export type ValueName<N extends string, S extends OptionSpec> = `${Camel<N>}${Unit<S>}`
