/** Registries, heartbeats and logs beside those of the real OpenMSIStream, from the same topic. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { configText, noOpenMSIStream, startProgram } from '../support/openmsistream.ts'
import { steered } from '../support/steered.ts'
import { createTopic, produceRaw, readAll } from '../support/topics.ts'
import { until } from '../support/until.ts'

const PROCESSOR = fileURLToPath(import.meta.resolve('../support/openmsistream_processor.py'))
const GOOD = ['a.dat', "sub/it's.dat", 'sub/semi;colon.dat', 'q"uote.dat', 'Größe 測定.dat']
const BAD = ['bad.dat', 'sub/bad\ttab.dat', 'bad\u200bwidth.dat', `bad'".dat`]

/** Lines without their moments; of rows the order is that of threads. */
function table(folder: string, start: string): string[] {
  const name = readdirSync(folder).find(found => found.startsWith(start) && found.endsWith('.csv'))
  const text = readFileSync(join(folder, name ?? start), 'utf8')
  const [header = '', ...rows] = text.split('\n')
  return [
    header,
    ...rows.map(row => row.replaceAll(/'\w{3} \w{3} \d\d, \d{4} at \d\d:\d\d:\d\d'/g, 'TIME')).sort(),
  ]
}

test('registries, heartbeats and logs are those that scripts for OpenMSIStream read', {
  skip: noBroker || noOpenMSIStream,
}, async t => {
  const topic = uniqueName('sight')
  const [beats, logs] = [`${topic}-beats`, `${topic}-logs`]
  await createTopic(broker, topic, 2)
  for (const other of [beats, logs]) await createTopic(broker, other, 1)
  const content = Buffer.alloc(3_000, 'x')
  for (const path of [...GOOD, ...BAD])
    await produceRaw(broker, topic, recordsOf({ path, content, chunkSize: 1_000 }))
  const part = recordsOf({ path: 'deep/er/part.dat', content, chunkSize: 1_000 })
  await produceRaw(broker, topic, part.slice(0, 2))

  const folder = mkdtempSync(join(tmpdir(), 'dfsp-sight-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const config = join(folder, 'lab.config')
  writeFileSync(config, `${configText(broker)}\n[heartbeat]\nlinger.ms = 5\n[log]\nlinger.ms = 5\n`)
  const common = (who: string) => [
    ...['--config', config, '--topic_name', topic, '--consumer_group_id', `${who}-${topic}`],
    ...['--heartbeat_topic_name', beats, '--heartbeat_program_id', who, '--heartbeat_interval_secs', '1'],
    ...['--log_topic_name', logs, '--log_program_id', who, '--log_interval_secs', '1'],
  ]
  const theirs = join(folder, 'theirs')
  const program = await startProgram('python', [
    ...[PROCESSOR, ...common('theirs'), '--output_dir', theirs],
    ...['--n_threads', '1'], // with more it loses a file's last state at times
  ])
  const plugin = steered()
  t.after(() => plugin.end())
  plugin.order(Object.fromEntries(BAD.map(path => [path, 'fail' as const])))
  const ours = plugin.start([...common('ours'), '--retries', '0', '--breaker', '0'])

  const read = async (of: string, who: string) =>
    (await readAll(broker, of)).filter(({ key }) => key?.toString().startsWith(`${who}_`))
  const sums = async (who: string) => {
    const found = (await read(beats, who)).map(({ value }) => JSON.parse(String(value)))
    const sum = (field: string) => found.reduce((all, beat) => all + beat[field], 0)
    return [
      sum('n_messages_read'),
      sum('n_messages_processed'),
      sum('n_bytes_read'),
      sum('n_bytes_processed'),
    ]
  }
  const haveRead = (records: number) =>
    until(async () => (await sums('theirs'))[0] === records && (await sums('ours'))[0] === records)
  await haveRead(29)
  await until(() => (ours.stderr().match(/ error failed /g) ?? []).length === BAD.length)
  // A heartbeat may have come before a file failed: the next ones take back what it told.
  await produceRaw(
    broker,
    topic,
    recordsOf({ path: 'last.dat', content: Buffer.alloc(6_000, 'x'), chunkSize: 1_000 }),
  )
  await haveRead(35)
  await plugin.until('end', 'last.dat')
  const theirLogs = join(theirs, 'LOGS')
  await program.quit()
  ours.kill('SIGINT')
  assert.equal((await ours.done).code, 0, ours.stderr())

  const ownLogs = join(plugin.folder, 'out', 'LOGS')
  for (const start of ['consuming_from_', 'processed_from_'])
    assert.deepEqual(table(ownLogs, start), table(theirLogs, start))
  assert.deepEqual(await sums('ours'), await sums('theirs'))
  assert.deepEqual(await sums('ours'), [35, 31, 35_000, 31_000])

  const shape = async (of: string, who: string, values: RegExp) =>
    String((await read(of, who))[0]?.key).replace(who, 'ID') +
    String((await read(of, who))[0]?.value).replaceAll(values, '0')
  const numbers = /\d{4}-\d\d-\d\dT[\d:.]+|\d+(\.\d+)?(?=[,}])/g
  assert.equal(await shape(beats, 'ours', numbers), await shape(beats, 'theirs', numbers))
  const list = /\d+(\.\d+)?(?=,)|(?<="messages": ).*(?=})/g
  assert.equal(await shape(logs, 'ours', list), await shape(logs, 'theirs', list))
})
