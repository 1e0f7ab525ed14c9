/** Every option of every command: the one table from which parser, help, environment, config file and types are read. */
import { POLICIES, type Policy } from '../../core/disposition.ts'
import { type CommandName, type OptionSpec, UNITS, type ValueName, type ValueOf } from './option-spec.ts'

const READING = ['run', 'retry', 'replay'] as const
const PLUGIN = ['run', 'retry', 'replay', 'try'] as const
const LOOKING = ['ls', 'get'] as const
const KAFKA = ['run', 'upload', 'repartition', ...LOOKING, 'status', 'retry', 'replay', 'config'] as const
const SETTLED = [
  'run',
  'upload',
  'repartition',
  ...LOOKING,
  'status',
  'retry',
  'replay',
  'try',
  'config',
] as const
const WORKING = ['run', 'upload', 'repartition', 'retry', 'replay', 'try', 'demo'] as const
/** What they print may be wanted as JSON. */
const REPORTING = [
  'run',
  'upload',
  'repartition',
  ...LOOKING,
  'status',
  'retry',
  'replay',
  'try',
  'demo',
  'config',
  'init',
] as const
const ALL = [...REPORTING, 'help'] as const

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** What Node's timers can wait for: a longer one ends at once. 596 hours. */
const LONGEST_TIMER_MS = 596 * 3_600_000

const ON_ERROR = Object.keys(POLICIES) as Policy[]
const ON_INCOMPLETE = ON_ERROR.filter(policy => policy !== 'stop')

function meaning(policies: readonly Policy[]): string {
  return policies.map(policy => `${policy} ${POLICIES[policy].help}`).join(', ')
}

export const LOG_LEVELS = ['error', 'warn', 'info', 'verbose', 'debug'] as const

export const OPTIONS = {
  plugin: {
    type: 'string',
    alias: 'p',
    placeholder: 'PATH|NAME',
    describe: 'your function: a .ts or .js file, or a built-in (save, metadata)',
    group: 'Input',
    commands: [...READING, 'status', 'config'],
  },
  topic: {
    type: 'topic',
    alias: 't',
    placeholder: 'NAME',
    describe: 'the topic',
    group: 'Input',
    commands: ['run', 'upload', 'repartition', ...LOOKING, 'status', 'retry', 'replay', 'init', 'config'],
    oldNames: [{ name: 'topic_name' }, { name: 'consumer_topic_name' }],
  },
  group: {
    type: 'string',
    alias: 'g',
    placeholder: 'NAME',
    describe:
      'consumer group (default: dfsp.<plugin>.<topic>, for retry dfsp.retry.<dlq>; create_new: a fresh one for every start)',
    group: 'Input',
    commands: ['run', 'retry', 'status', 'config'],
    oldNames: [{ name: 'consumer_group_id' }],
  },
  shared: {
    type: 'boolean',
    describe:
      'other processes of the group may read the same topic: each gets some of its partitions. Each file has to lie in one partition, as dfsp upload sends it',
    group: 'Input',
    commands: ['run', 'init', 'config'],
  },
  member: {
    type: 'string',
    placeholder: 'NAME',
    describe:
      'a name that this process keeps, and no other of the group has: with --shared group.instance.id (started again within its session it has its partitions back, and none move), for repartition the end of transactional.id (default: the host name)',
    group: 'Input',
    commands: ['run', 'repartition', 'config'],
  },
  'from-group': {
    type: 'list',
    placeholder: 'GROUP',
    describe:
      'begin where this group of dfsp run stands in the topic; may be repeated: at the lowest. Of use before anything is copied',
    group: 'Input',
    commands: ['repartition'],
    flagOnly: true,
  },
  files: {
    type: 'regex',
    placeholder: 'REGEX',
    describe: 'only files whose relative path matches; others are passed over',
    group: 'Input',
    commands: ['run', 'replay'],
    oldNames: [{ name: 'download_regex', as: 'anchored' }],
  },
  include: {
    type: 'regex',
    placeholder: 'REGEX',
    describe: 'only files whose path below PATH matches (default: no dot files, no *.log)',
    group: 'Input',
    commands: ['upload'],
    oldNames: [{ name: 'upload_regex', as: 'anchored' }],
  },
  raw: {
    type: 'string',
    placeholder: 'PARTITION:OFFSET',
    describe: 'show one record instead: its key, headers, first bytes, and what it decodes to or why not',
    group: 'Input',
    commands: ['ls'],
    flagOnly: true,
  },
  'all-generations': {
    type: 'boolean',
    describe: 'older contents of a path, too',
    group: 'Input',
    commands: ['ls'],
    flagOnly: true,
  },
  limit: {
    type: 'integer',
    min: 1,
    max: 1_000_000_000,
    describe: 'only the N files that were sent last',
    group: 'Input',
    commands: ['ls'],
    flagOnly: true,
  },
  watch: {
    type: 'boolean',
    describe:
      'go on: run and try load a plugin anew when it changes, upload sends files as they come, status looks again',
    group: 'Input',
    commands: ['run', 'try', 'upload', 'status'],
    flagOnly: true,
  },
  settle: {
    type: 'duration',
    min: 0,
    max: LONGEST_TIMER_MS,
    default: '3s',
    describe: 'with --watch: a file is sent once it has not changed for so long',
    group: 'Input',
    commands: ['upload'],
    oldNames: [{ name: 'watchdog_lag_time', as: 'seconds' }],
  },
  poll: {
    type: 'boolean',
    describe: 'with --watch: look every second, for network folders that tell of no changes',
    group: 'Input',
    commands: ['upload'],
    oldNames: [{ name: 'use_polling_observer' }],
  },
  'new-only': {
    type: 'boolean',
    describe: 'with --watch: leave out files that are there when it is first started',
    group: 'Input',
    commands: ['upload'],
  },
  'wait-for-topic': {
    type: 'boolean',
    describe: 'wait until the topic exists instead of ending with 69',
    group: 'Input',
    commands: ['run', 'upload'],
  },

  from: {
    type: 'start',
    default: 'earliest',
    placeholder: 'TIME',
    describe:
      'where a new group begins, or the first record that is looked at: earliest, latest or a time such as 2026-11-24T15:00Z',
    group: 'Start and end',
    commands: ['run', ...LOOKING, 'replay'],
  },
  to: {
    type: 'time',
    placeholder: 'TIME',
    describe: 'nothing that was sent at this time or later',
    group: 'Start and end',
    commands: [...LOOKING, 'replay'],
    flagOnly: true,
  },
  'until-end': {
    type: 'boolean',
    describe: 'end when everything that was there at the start is processed',
    group: 'Start and end',
    commands: ['run', 'repartition'],
  },
  'max-files': {
    type: 'integer',
    min: 1,
    max: 1_000_000_000,
    describe: 'end after N finished files; those that are held do not count',
    group: 'Start and end',
    commands: ['run'],
  },
  max: {
    type: 'integer',
    min: 1,
    max: 100_000,
    default: 10_000,
    describe: 'take up at most N files',
    group: 'Start and end',
    commands: ['retry'],
  },
  'max-time': {
    type: 'duration',
    min: 1,
    max: LONGEST_TIMER_MS,
    describe: 'end after this time',
    group: 'Start and end',
    commands: ['run'],
  },
  'drain-timeout': {
    type: 'duration',
    min: 0,
    max: LONGEST_TIMER_MS,
    default: '20s',
    describe: 'how long a stop waits for running files',
    group: 'Start and end',
    commands: READING,
  },
  'dry-run': {
    type: 'boolean',
    describe: 'say what would be done, do and commit nothing',
    group: 'Start and end',
    commands: ['run', 'upload', 'retry', 'replay'],
    flagOnly: true,
  },

  yes: {
    type: 'boolean',
    alias: 'y',
    describe: 'do not ask; needed where there is no terminal',
    group: 'Start and end',
    commands: ['retry', 'replay'],
    flagOnly: true,
  },

  long: {
    type: 'boolean',
    alias: 'l',
    describe: 'also SHA-512, modification time, first sent, duplicates, and where the records lie',
    group: 'Output',
    commands: ['ls'],
    flagOnly: true,
  },
  'output-dir': {
    type: 'string',
    alias: 'o',
    placeholder: 'DIR',
    describe: 'where results, logs and registries go',
    group: 'Output',
    commands: [...PLUGIN, 'get'],
    oldNames: [{ name: 'output_dir' }],
  },
  'output-topic': {
    type: 'topic',
    placeholder: 'NAME',
    describe: 'topic of ctx.produce where the record names none',
    group: 'Output',
    commands: READING,
    oldNames: [{ name: 'producer_topic_name' }],
  },
  'produce-to': {
    type: 'string',
    placeholder: 'FILE',
    describe: 'write what ctx.produce is given to FILE instead of showing it',
    group: 'Output',
    commands: ['try'],
  },
  json: {
    type: 'boolean',
    describe: 'machine output on stdout: one object per line, "v":1 and a "type"',
    group: 'Output',
    commands: REPORTING,
  },
  subdir: {
    type: 'string',
    placeholder: 'DIR',
    describe: 'prepended to the relative path of every file',
    group: 'Output',
    commands: ['upload'],
  },
  'chunk-size': {
    type: 'size',
    default: '512KiB',
    min: KIB,
    max: 512 * MIB,
    describe: 'bytes of file per record',
    group: 'Output',
    commands: ['upload'],
    oldNames: [{ name: 'chunk_size', as: 'bytes' }],
  },
  'partition-by': {
    type: 'enum',
    choices: ['path', 'key'],
    default: 'path',
    describe: 'path: all chunks of a file in one partition; key: scattered, as OpenMSIStream does',
    group: 'Output',
    commands: ['upload'],
  },

  'to-topic': {
    type: 'topic',
    placeholder: 'NAME',
    describe: 'the copy (default: NAME.by-path); --to for short',
    group: 'Output',
    commands: ['repartition'],
    oldNames: [{ name: 'to' }],
  },
  partitions: {
    type: 'integer',
    min: 1,
    max: 100_000,
    describe: 'partitions of the copy (default: as many as the topic has); fixed once it is made',
    group: 'Output',
    commands: ['repartition'],
  },
  'commit-every': {
    type: 'duration',
    min: 10,
    max: 5_000,
    default: '500ms',
    describe: 'how often what was copied is committed, and can be read',
    group: 'Output',
    commands: ['repartition'],
  },
  'purge-after': {
    type: 'list',
    placeholder: 'GROUP',
    describe:
      'delete records of the copy that this group has processed, every 30 s; may be repeated: that all of them have',
    group: 'Output',
    commands: ['repartition'],
    flagOnly: true,
  },

  retries: {
    type: 'integer',
    min: 0,
    max: 1000,
    default: 5,
    describe: 'further attempts after the first failure of a file',
    group: 'Failures',
    commands: ['run'],
  },
  timeout: {
    type: 'duration',
    min: 1,
    max: LONGEST_TIMER_MS,
    describe: 'longest time for one attempt at one file (default: none)',
    group: 'Failures',
    commands: PLUGIN,
  },
  dlq: {
    type: 'topic',
    placeholder: 'TOPIC',
    describe: 'topic for dead letters: references to what was given up, for dfsp retry',
    group: 'Failures',
    commands: ['run', 'retry'],
  },
  'on-error': {
    type: 'enum',
    choices: ON_ERROR,
    default: 'hold',
    describe: `a file that failed for good (with --dlq the default is dlq): ${meaning(ON_ERROR)}`,
    group: 'Failures',
    commands: ['run'],
  },
  'incomplete-after': {
    type: 'duration',
    min: 1,
    max: Number.POSITIVE_INFINITY,
    default: '10m',
    describe:
      'a file of which nothing came for so long counts as incomplete; a run that ends by itself goes by when its newest chunk was sent, and ends with 3',
    group: 'Failures',
    commands: ['run'],
  },
  'on-incomplete': {
    type: 'enum',
    choices: ON_INCOMPLETE,
    default: 'hold',
    describe: `an incomplete file: ${meaning(ON_INCOMPLETE)}`,
    group: 'Failures',
    commands: ['run'],
  },
  breaker: {
    type: 'integer',
    min: 0,
    max: 1_000_000,
    default: 10,
    describe: 'pause, giving nothing up, once N different files in a row failed; 0: never',
    group: 'Failures',
    commands: READING,
  },
  journal: {
    type: 'boolean',
    describe: 'note finished files in the output directory at once, so that none runs again after a crash',
    group: 'Failures',
    commands: ['run'],
  },
  'reprocess-identical': {
    type: 'boolean',
    describe: 'run a file again that arrives again unchanged',
    group: 'Failures',
    commands: ['run'],
  },

  threads: {
    type: 'integer',
    alias: 'j',
    min: 1,
    max: 256,
    default: 2,
    describe: 'threads that verify and process files',
    group: 'Resources',
    commands: PLUGIN,
    oldNames: [{ name: 'n_threads' }, { name: 'n_consumer_threads' }],
  },
  mode: {
    type: 'enum',
    choices: ['memory', 'disk', 'both'],
    default: 'memory',
    describe: 'how the plugin gets a file: bytes, a path on disk, or both',
    group: 'Resources',
    commands: PLUGIN,
  },
  memory: {
    type: 'size',
    default: '512MiB',
    min: 16 * MIB,
    max: 1024 * GIB,
    describe: 'budget for files in assembly, queue and work; beyond it chunks go to disk',
    group: 'Resources',
    commands: READING,
  },
  'max-lag': {
    type: 'integer',
    min: 0,
    max: 1_000_000_000_000,
    describe: 'end with 3 where more records than this are not processed',
    group: 'Monitoring',
    commands: ['status'],
    flagOnly: true,
  },
  'max-age': {
    type: 'duration',
    min: 0,
    max: Number.POSITIVE_INFINITY,
    describe: 'end with 3 where a record that is not processed is older than this',
    group: 'Monitoring',
    commands: ['status'],
    flagOnly: true,
  },
  interval: {
    type: 'duration',
    min: 100,
    max: LONGEST_TIMER_MS,
    default: '2s',
    describe: 'with --watch: how often',
    group: 'Monitoring',
    commands: ['status'],
    flagOnly: true,
  },
  http: {
    type: 'address',
    placeholder: 'PORT|HOST:PORT',
    describe: 'status page, /metrics, /livez, /readyz and /status (a port alone: this machine only)',
    group: 'Monitoring',
    commands: ['run'],
  },
  'metrics-file': {
    type: 'string',
    placeholder: 'PATH.prom',
    describe: "metrics for node_exporter's textfile collector, written with --stats and at the end",
    group: 'Monitoring',
    commands: ['run'],
  },
  'heartbeat-topic': {
    type: 'topic',
    placeholder: 'TOPIC',
    describe: 'say in this topic, now and then, that this process consumes: as OpenMSIStream does',
    group: 'Monitoring',
    commands: ['run'],
    oldNames: [{ name: 'heartbeat_topic_name' }],
  },
  'heartbeat-id': {
    type: 'string',
    placeholder: 'NAME',
    describe: 'who says it: the key is NAME_heartbeat (default: the group)',
    group: 'Monitoring',
    commands: ['run'],
    oldNames: [{ name: 'heartbeat_program_id' }],
  },
  'heartbeat-interval': {
    type: 'duration',
    min: 100,
    max: LONGEST_TIMER_MS,
    default: '15m',
    describe: 'how often',
    group: 'Monitoring',
    commands: ['run'],
    oldNames: [{ name: 'heartbeat_interval_secs', as: 'seconds' }],
  },
  'log-topic': {
    type: 'topic',
    placeholder: 'TOPIC',
    describe: 'send the log to this topic, too: as OpenMSIStream does',
    group: 'Monitoring',
    commands: ['run'],
    oldNames: [{ name: 'log_topic_name' }],
  },
  'log-id': {
    type: 'string',
    placeholder: 'NAME',
    describe: 'whose log it is: the key is NAME_log (default: the group)',
    group: 'Monitoring',
    commands: ['run'],
    oldNames: [{ name: 'log_program_id' }],
  },
  'log-interval': {
    type: 'duration',
    min: 100,
    max: LONGEST_TIMER_MS,
    default: '1m',
    describe: 'how often',
    group: 'Monitoring',
    commands: ['run'],
    oldNames: [{ name: 'log_interval_secs', as: 'seconds' }],
  },
  stats: {
    type: 'duration',
    min: 0,
    max: LONGEST_TIMER_MS,
    default: '30s',
    describe: 'a status line this often, 0s for none',
    group: 'Log',
    commands: ['run', 'upload', 'repartition'],
    oldNames: [{ name: 'update_seconds', as: 'seconds' }],
  },

  config: {
    type: 'string',
    alias: 'c',
    placeholder: 'FILE|NAME',
    describe: 'config file (default: ./dfsp.config, then that of your account)',
    group: 'Kafka',
    commands: SETTLED,
  },
  brokers: {
    type: 'brokers',
    alias: 'b',
    placeholder: 'HOST:PORT,…',
    describe: 'Kafka brokers (bootstrap.servers)',
    group: 'Kafka',
    commands: KAFKA,
  },
  'kafka-x': {
    type: 'list',
    alias: 'X',
    placeholder: 'PROP=VALUE',
    describe: 'any librdkafka property; -X list prints them; as variable: DFSP_KAFKA_SASL_USERNAME',
    group: 'Kafka',
    commands: KAFKA,
    flagOnly: true,
  },
  'env-file': {
    type: 'string',
    placeholder: 'FILE',
    describe: 'read environment variables from FILE first',
    group: 'Kafka',
    commands: SETTLED,
    flagOnly: true,
  },

  quiet: {
    type: 'boolean',
    alias: 'q',
    describe: 'warnings and errors only',
    group: 'Log',
    commands: [...WORKING, ...LOOKING],
    flagOnly: true,
  },
  verbose: {
    type: 'count',
    alias: 'v',
    describe: 'a line per file; -vv: debug',
    group: 'Log',
    commands: WORKING,
    flagOnly: true,
  },
  'log-level': {
    type: 'enum',
    choices: LOG_LEVELS,
    default: 'info',
    describe: 'what -q, -v and -vv set',
    group: 'Log',
    commands: WORKING,
    oldNames: [{ name: 'logger_stream_level', as: 'python-level' }],
  },
  'log-format': {
    type: 'enum',
    choices: ['auto', 'pretty', 'logfmt', 'json'],
    default: 'auto',
    describe: 'form of the log on stderr',
    group: 'Log',
    commands: WORKING,
  },
  'log-file': {
    type: 'string',
    placeholder: 'PATH',
    describe: 'log file (default: in LOGS of the output directory)',
    group: 'Log',
    commands: READING,
    oldNames: [{ name: 'logger_file_path' }],
  },
  'no-color': {
    type: 'boolean',
    describe: 'no colours (as NO_COLOR does)',
    group: 'Log',
    commands: ALL,
    flagOnly: true,
  },
  debug: { type: 'boolean', describe: 'log level debug, and stacks of errors', group: 'Log', commands: ALL },

  hold: {
    type: 'boolean',
    describe: 'keep the broker until Ctrl-C and print its address',
    group: 'Other',
    commands: ['demo'],
    flagOnly: true,
  },
  connect: {
    type: 'boolean',
    describe: 'config check: ask the broker, too',
    group: 'Other',
    commands: ['config'],
    flagOnly: true,
  },
  origin: {
    type: 'boolean',
    describe: 'config show: where each value comes from',
    group: 'Other',
    commands: ['config'],
    flagOnly: true,
  },
  reveal: {
    type: 'boolean',
    describe: 'config show: secrets in clear',
    group: 'Other',
    commands: ['config'],
    flagOnly: true,
  },
  install: {
    type: 'boolean',
    describe: 'init systemd: write the units instead of printing them',
    group: 'Other',
    commands: ['init'],
    flagOnly: true,
  },
  user: {
    type: 'boolean',
    describe: "init systemd: for your own account (systemctl --user), not the system's",
    group: 'Other',
    commands: ['init'],
    flagOnly: true,
  },
  force: {
    type: 'boolean',
    describe: 'overwrite files that exist',
    group: 'Other',
    commands: ['init'],
    flagOnly: true,
  },
} as const satisfies Record<string, OptionSpec>

export type OptionName = keyof typeof OPTIONS
export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[]

/**
 * The value of every option: `values.onError`, `values.maxTimeMs`. An option that a command does not take has its default,
 * or what the config file says. Whoever works with some of them takes a `Pick` of this.
 */
export type Values = {
  readonly [N in OptionName as ValueName<N, (typeof OPTIONS)[N]>]: ValueOf<(typeof OPTIONS)[N]>
}

/**
 * Spellings of OpenMSIStream that nothing answers to, or not in each command: accepted with a warning, so that old
 * scripts run.
 * A `switch` takes no value.
 */
export const IGNORED_OLD_NAMES: Readonly<Record<string, { readonly why: string; readonly switch?: true }>> = {
  heartbeat_topic_name: { why: 'only dfsp run sends heartbeats' },
  heartbeat_program_id: { why: 'only dfsp run sends heartbeats' },
  heartbeat_interval_secs: { why: 'only dfsp run sends heartbeats' },
  log_topic_name: { why: 'only dfsp run sends its log to a topic' },
  log_program_id: { why: 'only dfsp run sends its log to a topic' },
  log_interval_secs: { why: 'only dfsp run sends its log to a topic' },
  logger_file_level: { why: 'the log file has the level of the console' },
  n_producer_threads: { why: 'the client has its own threads' },
  queue_max_size: { why: 'the client bounds its own queue' },
  upload_existing: { why: 'what is there is sent unless --new-only is given', switch: true },
  n_threads: { why: 'only what runs plugins has threads' },
  consumer_group_id: { why: 'no group is joined' },
  producer_topic_name: { why: 'the topic is --topic' },
  treat_undecryptable_as_plaintext: { why: 'nothing is decrypted', switch: true },
  max_wait_per_decrypt: { why: 'nothing is decrypted' },
  max_initial_wait_per_decrypt: { why: 'nothing is decrypted' },
}

export function optionSpec(name: OptionName): OptionSpec {
  return OPTIONS[name]
}

/** The options that a command takes, in the table's order. */
export function optionsOf(command: CommandName): readonly OptionName[] {
  return OPTION_NAMES.filter(name => optionSpec(name).commands.includes(command))
}

/** "on-error" -> "DFSP_ON_ERROR". */
export function environmentName(name: OptionName): string {
  return `DFSP_${name.toUpperCase().replaceAll('-', '_')}`
}

/** "on-error" -> "onError", "max-time" -> "maxTimeMs". */
export function valueName(name: OptionName): keyof Values {
  const units: Readonly<Record<string, string>> = UNITS
  const camel = name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  return `${camel}${units[OPTIONS[name].type] ?? ''}` as keyof Values
}
