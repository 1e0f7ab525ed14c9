/** A thread that was given up, and what is on its way from it at that moment. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileJob, Task } from '../../src/plugin/messages.ts'
import { openFakeHost, settled } from './fake-threads.ts'

const file = (path: string): Task => ({ kind: 'process', file: { path } as FileJob })

test('a thread whose first task was given up goes on with the next one that it had begun', async t => {
  const { host, all, first } = await openFakeHost(t)
  const [{ thread }] = all as [(typeof all)[number]]
  for (let i = 0; i < 3; i++) {
    const quick = host.run(file('quick'))
    await settled()
    first.begin()
    first.finish({ kind: 'done' })
    await quick
  }
  const [a, b] = [host.run(file('a')), host.run(file('b'))]
  await settled()
  assert.equal(thread.assigned.length, 2)
  first.begin()
  first.finish({ kind: 'mismatch', actual: '' }, 'on its way')
  first.begin()
  host.abort('enough')
  assert.equal(thread.state, 'stopping')
  first.flush()
  assert.equal(thread.state, 'busy')
  first.finish({ kind: 'done' })
  assert.deepEqual([(await a).kind, (await b).kind, thread.state], ['failed', 'done', 'idle'])
})

test('a thread that begins user code after it was given up gets no more time for that', async t => {
  const { host, all, first, pass } = await openFakeHost(t, { timeoutMs: 60_000 })
  const [{ thread }] = all as [(typeof all)[number]]
  const given = host.run(file('a'))
  first.begin()
  const id = first.current?.id
  host.abort('enough')
  first.say({ type: 'started', id })
  await pass(1_000)
  assert.equal(thread.state, 'ended')
  const ended = await given
  assert.equal(ended.kind === 'failed' && ended.fault.message, 'enough')
})

test('what waits for a thread is not given up with the task before it', async t => {
  const { host, first } = await openFakeHost(t)
  const [a, b] = [host.run(file('a')), host.run(file('b'))]
  host.abort('enough') // neither was begun
  assert.equal((await a).kind, 'recalled')
  first.begin()
  first.finish({ kind: 'done' })
  assert.equal((await b).kind, 'done')
})

test('what was printed and cannot be logged in time is counted, and nothing of it is logged later', async t => {
  const logged: string[] = []
  const { host, first, pass } = await openFakeHost(t, { log: ({ message }) => logged.push(message) })
  first.stdout.end = () => first.stdout // there is still more of it
  const print = async (text: string) => {
    first.stdout.write(text)
    await settled()
  }
  const closing = host.close(0)
  for (let i = 0; i < 5; i++) await pass(10)
  await print('in time\n')
  await pass(15_000)
  await print('a\nb\nc\n')
  await pass(2_000)
  await closing
  await print('d\n')
  assert.deepEqual(logged, ['in time', 'the rest of what the plugin printed is left out: 3 lines'])
})
