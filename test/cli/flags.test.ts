import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import { parseFlags, takenNames } from '../../src/cli/flags.ts'

async function texts(
  line: string,
  command: 'run' | 'upload' | 'try' = 'run',
): Promise<Record<string, string[]>> {
  const { flags } = await parseFlags(line.split(' '), command)
  return Object.fromEntries([...flags].map(([name, uses]) => [name, uses.map(({ text }) => text)]))
}

async function failure(...argv: string[]): Promise<string> {
  try {
    await parseFlags(argv, 'run')
  } catch (error) {
    assert.ok(error instanceof DfspError)
    assert.equal(error.exitCode, 2)
    return error.message
  }
  return 'no failure'
}

test('only what was given is there, as the text that was written', async () => {
  assert.deepEqual(await texts('--topic 0012 -j4 -vv --no-color'), {
    topic: ['0012'],
    threads: ['4'],
    verbose: ['2'],
    'no-color': ['true'],
  })
})

test('a short flag takes its value with a space, without, or with =', async () => {
  for (const line of ['-X linger.ms=5', '-Xlinger.ms=5', '-X=linger.ms=5', '--kafka-x linger.ms=5']) {
    assert.deepEqual(await texts(line), { 'kafka-x': ['linger.ms=5'] }, line)
  }
  assert.deepEqual(await texts('-qj 2 -txrd -b=lab1:9092'), {
    quiet: ['true'],
    threads: ['2'],
    topic: ['xrd'],
    brokers: ['lab1:9092'],
  })
})

test('every use of a flag is kept, under any spelling', async () => {
  assert.deepEqual(await texts('-t a --topic b --topic_name c'), { topic: ['a', 'b', 'c'] })
})

test("OpenMSIStream's flags are understood in its own units", async () => {
  const line =
    '--topic_name t --n_threads 3 --consumer_group_id create_new --download_regex a|b --output_dir o --mode both --logger_stream_level DEBUG --logger_file_path l --update_seconds 300'
  assert.deepEqual(await texts(line), {
    topic: ['t'],
    threads: ['3'],
    group: ['create_new'],
    files: ['^(?:a|b)'],
    'output-dir': ['o'],
    mode: ['both'],
    'log-level': ['debug'],
    'log-file': ['l'],
    stats: ['300s'],
  })
  assert.deepEqual(await texts('--heartbeat_topic_name h --heartbeat_interval_secs 900 --log_program_id p'), {
    'heartbeat-topic': ['h'],
    'heartbeat-interval': ['900s'],
    'log-id': ['p'],
  })
  const watching = '--chunk_size 524288 --upload_regex x --watchdog_lag_time 5 --use_polling_observer'
  assert.deepEqual(await texts(watching, 'upload'), {
    'chunk-size': ['524288B'],
    include: ['^(?:x)'],
    settle: ['5s'],
    poll: ['true'],
  })
})

test('what OpenMSIStream has and dfsp does not have yet is accepted with a notice', async () => {
  const { notices, unknown } = await parseFlags(
    ['--heartbeat_topic_name', 'h', '--log_interval_secs', '5', '--upload_existing', '--n_threads', '2'],
    'upload',
  )
  assert.deepEqual(unknown, [])
  assert.deepEqual(notices, [
    '--heartbeat_topic_name is ignored: only dfsp run sends heartbeats',
    '--log_interval_secs is ignored: only dfsp run sends its log to a topic',
    '--upload_existing is ignored: what is there is sent unless --new-only is given',
    '--n_threads is ignored: only what runs plugins has threads',
  ])
  const kafkaCrypto = [
    '--treat_undecryptable_as_plaintext',
    '--max_wait_per_decrypt',
    '5',
    '--n_threads',
    '2',
  ]
  const reading = await parseFlags(kafkaCrypto, 'run')
  assert.deepEqual(reading.unknown, [])
  assert.deepEqual(reading.notices, [
    '--treat_undecryptable_as_plaintext is ignored: nothing is decrypted',
    '--max_wait_per_decrypt is ignored: nothing is decrypted',
  ])
})

test('a flag without its value, a boolean with a strange one, and a method of objects are errors', async () => {
  assert.equal(await failure('--topic'), '--topic needs a value')
  assert.equal(await failure('-t', '--json'), '-t needs a value')
  assert.equal(await failure('--json=yes'), '--json: "yes" is neither true nor false')
  assert.equal(await failure('--toString', '3'), 'there is no flag --toString')
  assert.equal(await failure('--__proto__=3'), 'there is no flag --__proto__=3')
})

test('a boolean may be said to be false', async () => {
  assert.deepEqual(await texts('--until-end=false'), { 'until-end': ['false'] })
})

test('words and numbers among them stay texts', async () => {
  assert.deepEqual((await parseFlags(['plot.ts', '007', '-', '--', '--x'], 'upload')).words, [
    'plot.ts',
    '007',
    '-',
    '--x',
  ])
})

test('unknown flags are named, and are those of the plugin once it is known', async () => {
  const argv = ['--column', '3', '-k', '--cols', 'a', 'b', '--deep']
  assert.deepEqual((await parseFlags(argv, 'run')).unknown, ['column', 'k', 'cols', 'deep'])
  const options = {
    column: { type: 'number' },
    keep: { type: 'boolean', alias: 'k' },
    cols: { type: 'array' },
    deep: { type: 'boolean' },
  } as const
  const { plugin, unknown } = await parseFlags(argv, 'run', { file: 'plot.ts', options })
  assert.deepEqual(unknown, [])
  assert.deepEqual(Object.fromEntries(plugin), {
    column: ['3'],
    keep: ['true'],
    cols: ['a', 'b'],
    deep: ['true'],
  })
})

test("dfsp's own names are taken: long, short, and old", () => {
  const taken = takenNames()
  for (const name of ['topic', 't', 'topic_name', 'help', 'version', 'heartbeat_topic_name', 'produce-to']) {
    assert.ok(taken.has(name), name)
  }
  assert.ok(!taken.has('column'))
})

test("--no-x says that a plugin's boolean option is false; the last of several uses counts", async () => {
  const options = {
    trim: { type: 'boolean', default: true, alias: ['t8', 'cut'] },
    'no-limit': { type: 'boolean' },
    limit: { type: 'boolean' },
    color: { type: 'boolean' },
    rows: { type: 'number' },
  } as const
  const given = async (...argv: string[]) => {
    const { plugin, unknown, flags, words } = await parseFlags(argv, 'try', { file: 'plot.ts', options })
    return { ...Object.fromEntries(plugin), unknown, words, flags: [...flags.keys()] }
  }
  const none = { unknown: [], words: [], flags: [] }
  assert.deepEqual(await given('--no-trim'), { ...none, trim: ['false'] })
  assert.deepEqual(await given('--no-trim', 'a.csv'), { ...none, trim: ['false'], words: ['a.csv'] })
  assert.deepEqual(await given('--no-cut'), { ...none, trim: ['false'] })
  assert.deepEqual(await given('--no-trim', '--trim'), { ...none, trim: ['true'] })
  assert.deepEqual(await given('--no-limit'), { ...none, 'no-limit': ['true'] }, 'an option of that name')
  assert.deepEqual(await given('--no-color'), { ...none, flags: ['no-color'] }, "dfsp's own")
  assert.deepEqual((await given('--no-rows')).unknown, ['no-rows'], 'no boolean')
  assert.deepEqual(await given('--', '--no-trim'), { ...none, words: ['--no-trim'] })
})
