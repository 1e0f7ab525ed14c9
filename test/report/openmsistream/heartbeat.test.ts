import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openHeartbeat, type TopicRecord } from '../../../src/report/openmsistream/heartbeat.ts'
import { openLogTopic } from '../../../src/report/openmsistream/log-topic.ts'
import { viewOf } from '../view.ts'

const START = Date.UTC(2026, 10, 25, 3)
const settled = () => new Promise(resolve => setImmediate(resolve))

function world(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: START })
  const sent: TopicRecord[] = []
  const problems: string[] = []
  const state = { refuses: false }
  const options = {
    topic: 'beats',
    id: 'prog',
    everyMs: 10_000,
    most: 3,
    now: () => Date.now(),
    send: async (record: TopicRecord) => {
      if (state.refuses) throw new Error('broker away')
      sent.push(record)
    },
    onProblem: (text: string) => problems.push(text),
  }
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms)
    await settled()
  }
  const values = () => sent.map(({ value }) => JSON.parse(Buffer.from(value).toString()))
  return { options, sent, values, problems, state, pass }
}

test('a heartbeat says what came since the last one, in their bytes, and begins once the group is joined', async t => {
  const { options, sent, values, pass } = world(t)
  const heartbeat = openHeartbeat(options)
  await pass(20_000)
  assert.equal(sent.length, 0, 'before anything is consumed')
  heartbeat.attach(viewOf())
  await pass(500)
  assert.equal(sent[0]?.key, 'prog_heartbeat')
  assert.equal(
    Buffer.from(sent[0]?.value ?? []).toString(),
    '{"timestamp": "2026-11-25T03:00:20.500000+00:00", "n_messages_read": 9, "n_messages_processed": 3, "n_bytes_read": 5000, "n_bytes_processed": 5000}',
  )
  await pass(10_000)
  assert.deepEqual(
    values().map(v => v.n_messages_read),
    [9, 0],
  )
  await heartbeat.close()
})

test('a file that fails after its records were told takes them back from those that come next', async t => {
  const { options, values, pass } = world(t)
  const heartbeat = openHeartbeat(options)
  const { counts } = viewOf()
  let more = 0
  heartbeat.attach(viewOf({ counts: () => ({ ...counts(), records: 9 + more }) }))
  const processed = () => values().reduce((sum, beat) => sum + beat.n_messages_processed, 0)
  await pass(500)
  const before = processed()
  heartbeat.report({ type: 'file', path: 'a', result: 'failed', attempt: 1, bytes: 0, ms: 1, partitions: {} })
  await pass(10_000)
  assert.equal(processed(), before)
  more = 5
  await pass(10_000)
  assert.equal(processed(), before + 5 - 1)
  await heartbeat.close()
})

test('no heartbeat is sent while consuming is dead, however long; one is when it lives again', async t => {
  const { options, sent, pass } = world(t)
  let dead: string | undefined = 'the broker is away'
  const heartbeat = openHeartbeat(options)
  heartbeat.attach(viewOf({ notConsuming: () => dead }))
  for (let i = 0; i < 50; i++) await pass(10_000)
  assert.equal(sent.length, 0)
  dead = undefined
  await pass(500)
  assert.equal(sent.length, 1)
  dead = 'the group is not joined'
  for (let i = 0; i < 50; i++) await pass(10_000)
  heartbeat.report({ type: 'summary', summary: {} as never })
  await heartbeat.close()
  assert.equal(sent.length, 1, 'nor a last one')
})

test('what a refused heartbeat would have said is said by the next one; the trouble is told once', async t => {
  const { options, values, problems, state, pass } = world(t)
  const heartbeat = openHeartbeat(options)
  heartbeat.attach(viewOf())
  state.refuses = true
  await pass(500)
  await pass(10_000)
  state.refuses = false
  await pass(10_000)
  assert.deepEqual(
    values().map(v => v.n_messages_read),
    [9],
  )
  assert.equal(problems.length, 1)
  await heartbeat.close()
})

test('logs are sent as a list of texts, kept while the broker refuses, and the oldest give way', async t => {
  const { options, sent, values, problems, state, pass } = world(t)
  const logs = openLogTopic({ ...options, topic: 'logs' })
  logs.add('Größe')
  await pass(10_000)
  assert.equal(sent[0]?.key, 'prog_log')
  assert.equal(
    Buffer.from(sent[0]?.value ?? []).toString(),
    `{"timestamp": ${START / 1_000 + 10}, "messages": ["Gr\\u00f6\\u00dfe"]}`,
  )
  state.refuses = true
  logs.add('one')
  await pass(10_000)
  for (const text of ['two', 'three', 'four']) logs.add(text)
  await pass(10_000)
  state.refuses = false
  await logs.close()
  assert.deepEqual(values().at(-1).messages, ['two', 'three', 'four'])
  assert.equal(problems.length, 1)
})

test('more logs than a record may hold go out in several', async t => {
  const { options, sent, values } = world(t)
  const logs = openLogTopic({ ...options, most: 1_000 })
  for (let i = 0; i < 100; i++) logs.add('ö'.repeat(10_000))
  await logs.close()
  assert.equal(values().flatMap(v => v.messages).length, 100)
  for (const { value } of sent) assert.ok(value.length < 1_000_000)
})
