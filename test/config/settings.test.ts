import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { DfspError } from '../../src/base/errors.ts'
import type { OptionSpec } from '../../src/config/options/option-spec.ts'
import { OPTION_NAMES, OPTIONS, type OptionName, valueName } from '../../src/config/options/options.ts'
import { readSecretFiles } from '../../src/config/secret-files.ts'
import { withoutLogins } from '../../src/config/secrets.ts'
import { DEFAULT_VALUES, type Given, merge } from '../support/settings.ts'

function problems(given: Given): { exit: number; lines: readonly string[] } {
  try {
    merge(given)
  } catch (error) {
    assert.ok(error instanceof DfspError)
    const { exitCode, facts, message, next } = error
    return {
      exit: exitCode,
      lines: facts.length > 0 ? facts : [next === undefined ? message : `${message}; ${next}`],
    }
  }
  return { exit: 0, lines: [] }
}

test('a flag beats the environment, which beats the file, which beats the default; each is remembered', () => {
  const file = '[dfsp]\nthreads = 3\nretries = 3\ntopic = c\n'
  const env = { DFSP_THREADS: '4', DFSP_TOPIC: 'b' }
  const { values, origins } = merge({ file, env, flags: { topic: 'a' } })
  assert.deepEqual(
    (['topic', 'threads', 'retries', 'mode'] as const).map(name => [values[name], origins.get(name)]),
    [
      ['a', 'flag'],
      [4, 'env DFSP_THREADS'],
      [3, 'dfsp.config:3'],
      ['memory', 'default'],
    ],
  )
})

test('a value has a name of its own, with the unit where it has one, and a call without flags has every default', () => {
  assert.equal(new Set(OPTION_NAMES.map(valueName)).size, OPTION_NAMES.length)
  assert.deepEqual((['max-time', 'memory', 'on-error', 'to'] as const).map(valueName), [
    'maxTimeMs',
    'memoryBytes',
    'onError',
    'to',
  ])
  for (const name of OPTION_NAMES)
    assert.equal(DEFAULT_VALUES[valueName(name)] !== undefined, hasValue(OPTIONS[name]), name)
})

function hasValue(spec: OptionSpec): boolean {
  return 'default' in spec || ['boolean', 'count', 'list'].includes(spec.type)
}

test('values are typed, and an option without default may be absent', () => {
  const { values } = merge({
    flags: { memory: '1GiB', 'max-time': '10m', files: 'csv$', 'on-error': 'skip' },
  })
  assert.equal(values.memoryBytes, 1024 ** 3)
  assert.equal(values.maxTimeMs, 600_000)
  assert.deepEqual(values.files, /csv$/)
  assert.equal(values.onError, 'skip')
  assert.equal(values.untilEnd, false)
  assert.equal(values.topic, undefined)
})

test('with --dlq failed files go there unless another policy is given; incomplete ones stay', () => {
  const policies = (given: Given) => {
    const { values, origins } = merge(given)
    return [values.onError, origins.get('on-error'), values.onIncomplete]
  }
  assert.deepEqual(policies({}), ['hold', 'default', 'hold'])
  assert.deepEqual(policies({ flags: { dlq: 'dead' } }), ['dlq', 'default with --dlq', 'hold'])
  assert.deepEqual(policies({ env: { DFSP_DLQ: 'dead' }, flags: { 'on-error': 'hold' } }), [
    'hold',
    'flag',
    'hold',
  ])
  const file = '[dfsp]\ndlq = dead\non-error = skip\non-incomplete = dlq\n'
  assert.deepEqual(policies({ file }), ['skip', 'dfsp.config:3', 'dlq'])
})

test('nothing is written to the topic that is read', () => {
  for (const name of ['dlq', 'output-topic', 'heartbeat-topic', 'log-topic'])
    assert.deepEqual(problems({ flags: { [name]: 'xrd' }, file: '[dfsp]\ntopic = xrd\n' }), {
      exit: 2,
      lines: [`--${name}: is the topic that is read; dfsp run --help`],
    })
})

test('a policy of dead letters without a topic for them is a problem where it stands', () => {
  const file = '[dfsp]\non-incomplete = dlq\n'
  const needs = 'dlq needs a topic for dead letters; name one with --dlq TOPIC'
  assert.deepEqual(problems({ file, flags: { 'on-error': 'dlq' } }), {
    exit: 2,
    lines: [`--on-error: ${needs}`, `dfsp.config:2: on-incomplete: ${needs}`],
  })
  assert.deepEqual(merge({ command: 'upload', file }).values.onIncomplete, 'dlq')
})

test('a variable of another command is not read, an empty one is none', () => {
  const env = { DFSP_CHUNK_SIZE: 'nonsense', DFSP_TOPIC: '' }
  assert.equal(merge({ env }).values.topic, undefined)
  assert.equal(problems({ command: 'upload', env }).lines.length, 1)
})

test('all problems come at once, with their places', () => {
  const file = '[consumer]\nfetch.min.byte = 3\nfetch.wait.max.ms = soon\n[dfsp]\nthread = 4\nmemory = 512\n'
  assert.deepEqual(problems({ file, flags: { threads: 'four' }, env: { DFSP_RETRIES: '-1' } }), {
    exit: 2,
    lines: [
      '--threads: "four" is not a whole number (1-256)',
      'DFSP_RETRIES: "-1" is not a whole number (0-1000)',
      'dfsp.config:2: unknown property "fetch.min.byte" in [consumer]; did you mean "fetch.min.bytes"?',
      'dfsp.config:3: fetch.wait.max.ms: "soon" is not a whole number (0 to 300000)',
      'dfsp.config:5: unknown option "thread" in [dfsp]; did you mean "threads"?',
      'dfsp.config:6: memory: "512" has no unit: 512MiB?',
    ],
  })
})

test('a problem in the file alone ends with 78', () => {
  assert.deepEqual(problems({ file: '[dfsp]\nforce = true\n' }), {
    exit: 78,
    lines: ['dfsp.config:2: force can only be given as a flag'],
  })
})

test('a flag that is given twice is an error where one value is wanted', () => {
  assert.deepEqual(problems({ flags: { topic: ['a', 'b'] } }).lines, [
    '--topic: is given 2 times: "a" and "b"; dfsp run --help',
  ])
  assert.deepEqual(
    problems({ flags: { 'kafka-x': ['linger.ms=1', 'acks=all'], json: ['true', 'true'] } }).lines,
    [],
  )
})

test('-q, -v, -vv and --debug set the log level, over environment and file', () => {
  const env = { DFSP_LOG_LEVEL: 'error' }
  const level = (flags: Given['flags']) => merge({ env, ...(flags && { flags }) }).values.logLevel
  assert.equal(level({}), 'error')
  assert.equal(level({ quiet: 'true' }), 'warn')
  assert.equal(level({ verbose: '1' }), 'verbose')
  assert.equal(level({ verbose: '2' }), 'debug')
  assert.equal(level({ debug: 'true' }), 'debug')
  assert.equal(level({ verbose: '1', 'log-level': 'info' }), 'info')
  assert.deepEqual(problems({ flags: { quiet: 'true', verbose: '1' } }).lines, [
    '--quiet: contradicts -v; dfsp run --help',
  ])
})

test('[broker] is common, [consumer] and [producer] are on top, environment and -X above all', () => {
  const file = [
    '[broker]\nbootstrap.servers = lab1\nclient.id = a\nsocket.keepalive.enable = True\n',
    '[consumer]\nclient.id = b\nfetch.min.bytes = 1\n[producer]\nlinger.ms = 1\nacks = all\n',
  ].join('')
  const { kafka, origins } = merge({
    file,
    env: { DFSP_KAFKA_FETCH_MIN_BYTES: '2', DFSP_KAFKA_SASL_USERNAME: 'u' },
    flags: { 'kafka-x': ['queue.buffering.max.ms=7'] },
  })
  assert.deepEqual(kafka, {
    common: {
      'bootstrap.servers': 'lab1',
      'client.id': 'a',
      'socket.keepalive.enable': 'True',
      'sasl.username': 'u',
    },
    consumer: {
      'bootstrap.servers': 'lab1',
      'client.id': 'b',
      'socket.keepalive.enable': 'True',
      'fetch.min.bytes': '2',
      'sasl.username': 'u',
      'auto.offset.reset': 'earliest',
    },
    // linger.ms is another name of queue.buffering.max.ms: only the later one is left.
    producer: {
      'bootstrap.servers': 'lab1',
      'client.id': 'a',
      'socket.keepalive.enable': 'True',
      acks: 'all',
      'queue.buffering.max.ms': '7',
      'sasl.username': 'u',
    },
  })
  assert.equal(origins.get('consumer/fetch.min.bytes'), 'env DFSP_KAFKA_FETCH_MIN_BYTES')
  assert.equal(origins.get('producer/queue.buffering.max.ms'), 'flag')
})

test('a property of the other client has no effect, and a notice', () => {
  const { kafka, notices } = merge({ file: '[consumer]\nlinger.ms = 1\n' })
  assert.equal(kafka.consumer['linger.ms'], undefined)
  assert.deepEqual(notices, [
    'dfsp.config:2: linger.ms is a property of the producer and has no effect in [consumer]',
  ])
})

test('what [DEFAULT] holds for references is no unknown property', () => {
  const { kafka } = merge({
    file: '[DEFAULT]\nhost = lab1\n[broker]\nbootstrap.servers = %(host)s:9092\n[dfsp]\n',
  })
  assert.equal(kafka.common['bootstrap.servers'], 'lab1:9092')
})

test('group, start and brokers may be given as properties; the later layer wins', () => {
  const file =
    '[broker]\nmetadata.broker.list = f:1\n[consumer]\ngroup.id = create_new\nauto.offset.reset = latest\n'
  const fromFile = merge({ file })
  assert.deepEqual(
    [fromFile.values.group, fromFile.values.from, fromFile.values.brokers],
    ['create_new', 'latest', 'f:1'],
  )
  assert.equal(fromFile.kafka.consumer['group.id'], undefined)
  assert.equal(fromFile.kafka.consumer['auto.offset.reset'], 'latest')
  assert.equal(fromFile.origins.get('group'), 'dfsp.config:4')

  const env = { DFSP_GROUP: 'e', DFSP_FROM: 'earliest', DFSP_BROKERS: 'e:1' }
  const above = merge({ file, env, flags: { 'kafka-x': ['group.id=x'] } })
  assert.deepEqual([above.values.group, above.values.from, above.values.brokers], ['x', 'earliest', 'e:1'])
  assert.deepEqual(
    Object.values(above.kafka).map(map => map['bootstrap.servers']),
    ['e:1', 'e:1', 'e:1'],
  )
  assert.equal(above.kafka.consumer['auto.offset.reset'], 'earliest')
})

test('an unset variable is an error with its place, unless something stronger gives the value', () => {
  const file = '[broker]\nsasl.password = $LAB_PW\n'
  assert.deepEqual(problems({ file }), {
    exit: 78,
    lines: [
      'dfsp.config:2: $LAB_PW is not set, used by sasl.password; export LAB_PW=…, put it in a file for --env-file, or set DFSP_KAFKA_SASL_PASSWORD_FILE=<path>',
    ],
  })
  assert.equal(merge({ file, env: { LAB_PW: 'p' } }).kafka.common['sasl.password'], 'p')
  assert.equal(merge({ file, env: { DFSP_KAFKA_SASL_PASSWORD: 'q' } }).kafka.common['sasl.password'], 'q')
})

test('all variables that a value needs are named, beside every other problem of the file', () => {
  const file = `[broker]
bootstrap.servers = \${ONE}:\${TWO}
securty.protocol = SSL

[dfsp]
topic = %(nowhere)s
threads = many
threads = 4
memory = $THREE
`
  assert.deepEqual(problems({ file, env: { ONE: 'lab1' } }), {
    exit: 78,
    lines: [
      'dfsp.config:2: $TWO is not set, used by bootstrap.servers; export TWO=…, put it in a file for --env-file, or set DFSP_KAFKA_BOOTSTRAP_SERVERS_FILE=<path>',
      'dfsp.config:3: unknown property "securty.protocol" in [broker]; did you mean "security.protocol"?',
      'dfsp.config:6: [dfsp] topic: %(nowhere)s refers to no key of this section or [DEFAULT]',
      'dfsp.config:8: [dfsp] threads is already in line 7',
      'dfsp.config:9: memory: $THREE is not set; export THREE=…',
    ],
  })
  assert.match(problems({ file }).lines[0] ?? '', /\$ONE and \$TWO are not set.*export ONE=… TWO=…/)
})

/** Where a login may stand, and must not be repeated. */
const LOGIN = fc
  .tuple(
    fc.constantFrom('', 'SASL_SSL://', 'https://', 'x,', 'a b '),
    fc.constantFrom('lab:', ':', 'lab.user-1:'),
    fc.stringMatching(/^[\w!$%&*+.-]{0,4}$/),
    fc.constantFrom('@host', '@host:9092', '@10.0.0.1:9092/x?y=1', '@[::1]:9092'),
  )
  .map(([before, user, more, host]) => `${before}${user}S3CRET${more}${host}`)

test('no problem repeats a login, whichever option, property or variable it was given to', () => {
  const names = Object.entries(OPTIONS).filter(([, spec]) => spec.type !== 'boolean' && spec.type !== 'count')
  const given = fc.tuple(fc.constantFrom(...names.map(([name]) => name as OptionName)), LOGIN)
  const shown = (what: Given) => withoutLogins(problems(what).lines.join('\n'))
  fc.assert(
    fc.property(given, ([name, login]) => {
      const variable = `DFSP_${name.toUpperCase().replaceAll('-', '_')}`
      for (const what of [
        { flags: { [name]: login } },
        { flags: { [name]: [login, login] } },
        { flags: { 'kafka-x': [login, `${login}=1`, `acks=${login}`, `securty.protocol=${login}`] } },
        { file: `[dfsp]\n${name} = ${login}\nbrokers = ${login}\n` },
        { file: `[broker]\nbootstrap.servers = ${login}\nacks = ${login}\n` },
        { command: 'config', env: { [variable]: login, DFSP_KAFKA_BOOTSTRAP_SERVERS: login } },
      ] as Given[])
        assert.doesNotMatch(shown(what), /S3CRET/)
    }),
  )
})

test("variables of a plugin's own sections may be unset: the key is left out with a notice", () => {
  const { sections, notices } = merge({ file: '[s3]\naccess_key_id = $NO_KEY\nregion = eu\n', env: {} })
  assert.deepEqual(sections, { s3: { region: 'eu' } })
  assert.deepEqual(notices, ['dfsp.config:2: $NO_KEY is not set: [s3] access_key_id is left out'])
  assert.equal(problems({ file: '[plugin]\ntoken = $NO_KEY\n' }).exit, 78)
})

test('a secret may be read from a file, or from a named pipe that something writes to', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dfsp-secret-'))
  try {
    writeFileSync(join(folder, 'pw'), 's3cret\n')
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const env = {
      DFSP_KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      DFSP_KAFKA_SASL_PASSWORD_FILE: join(folder, 'pw'),
      DFSP_KAFKA_SSL_KEY_PASSWORD_FILE: join(folder, 'pipe'),
      DFSP_KAFKA_CLIENT_ID_FILE: join(folder, 'none'),
    }
    const reading = readSecretFiles(env)
    const writer = once(spawn('sh', ['-c', 'echo piped > "$1"', 'sh', join(folder, 'pipe')]), 'close')
    const secretFiles = await reading
    await writer
    const { lines } = problems({ env, secretFiles })
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^DFSP_KAFKA_CLIENT_ID_FILE: ENOENT/)
    const { DFSP_KAFKA_CLIENT_ID_FILE: _, ...good } = env
    const { common } = merge({ env: good, secretFiles }).kafka
    assert.equal(common['sasl.password'], 's3cret')
    assert.equal(common['ssl.key.password'], 'piped')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('likely slips are noticed, variables of a container platform are passed over', () => {
  const env = {
    DFSP_TOPCI: 'x',
    DFSP_SERVICE_HOST: '10.0.0.1',
    DFSP_PORT_9092_TCP_ADDR: '10.0.0.1',
    DFSP_KAFKA_SERVICE_PORT: '9092',
    DFSP_KAFKA_SASL_USRNAME: 'u',
  }
  const { notices } = merge({ env, file: '[consmer]\n[my own]\n' })
  assert.deepEqual(notices, [
    'DFSP_TOPCI is not read: did you mean "DFSP_TOPIC"?',
    'dfsp.config:1: section [consmer] is left to the plugin; did you mean "consumer"?',
    'DFSP_KAFKA_SASL_USRNAME is not read: librdkafka has no "sasl.usrname"; did you mean "sasl.username"?',
  ])
})

test('-X wants a known property and a value that it can take', () => {
  assert.deepEqual(
    problems({ flags: { 'kafka-x': ['acks', 'linger=1', 'batch.size=big', 'auto.offset.reset=soon'] } }),
    {
      exit: 2,
      lines: [
        '-X: "acks" is not property=value; -X acks=VALUE, as one word',
        '-X auto.offset.reset: "soon" is none of smallest, earliest, beginning, largest, latest, end, error',
        '-X batch.size: "big" is not a whole number (1 to 2147483647)',
        '-X linger: unknown property "linger"; did you mean "linger.ms"?',
      ],
    },
  )
})

test('a topic is named as Kafka names topics', () => {
  const is = 'is no name of a topic: letters, digits, ".", "_" and "-", at most 249'
  for (const name of ['a topic!', '..', 'x'.repeat(250)])
    assert.deepEqual(problems({ flags: { topic: name } }), {
      exit: 2,
      lines: [`--topic: "${name}" ${is}; dfsp run --help`],
    })
  assert.equal(merge({ flags: { topic: 'lab1.xrd_raw-2' } }).values.topic, 'lab1.xrd_raw-2')
})

test('a span of time that ends before it begins is an error', () => {
  const flags = { from: '2026-11-25', to: '2026-11-24' }
  assert.deepEqual(problems({ command: 'ls', flags }), {
    exit: 2,
    lines: ['--to: is not later than --from; dfsp ls --help'],
  })
})
