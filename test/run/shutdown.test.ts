import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { outcome } from '../../src/run/outcome.ts'
import { NOTHING_COUNTED } from '../../src/run/run-progress.ts'
import { hasWork, onSignal, onStopSignal, readerGone, type StopSignal } from '../../src/run/shutdown.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

function heard(listen = onStopSignal): StopSignal[] {
  const signals: StopSignal[] = []
  ends.push(listen(signal => signals.push(signal)))
  return signals
}

// In this order: what has worked once in a process is remembered.
test('stdout without a reader ends what only looks, and is none of its stops', () => {
  const signals = heard(onSignal)
  assert.equal(hasWork(), false)
  assert.equal(readerGone(), false)
  assert.deepEqual(signals, [])
})

test('work that begins after the reader went away is stopped at once', async () => {
  const signals = heard()
  await Promise.resolve()
  assert.deepEqual(signals, ['SIGPIPE'])
})

test('stdout without a reader stops work once, and is no first signal', () => {
  const signals = heard()
  assert.equal(readerGone(), true)
  assert.equal(readerGone(), true)
  process.emit('SIGTERM', 'SIGTERM')
  assert.deepEqual(signals, ['SIGPIPE'])
})

test('a closing terminal may send SIGHUP again and again', () => {
  const signals = heard(onSignal)
  for (let i = 0; i < 3; i++) process.emit('SIGHUP', 'SIGHUP')
  assert.deepEqual(signals, ['SIGHUP'])
})

test('a continuous run that lost the reader of stdout does not end as one that was stopped', () => {
  const goals = { untilEnd: false, maxFiles: undefined, maxTimeMs: undefined }
  const exitOf = (signal: StopSignal) => outcome({ why: 'signal', signal }, goals, NOTHING_COUNTED, true).exit
  assert.equal(exitOf('SIGPIPE'), 141)
  assert.equal(exitOf('SIGHUP'), 0)
})

test('a finite run that a signal ended keeps its status, and says where files were left running', () => {
  const goals = { untilEnd: true, maxFiles: undefined, maxTimeMs: undefined }
  const { exit, error } = outcome({ why: 'signal', signal: 'SIGTERM' }, goals, NOTHING_COUNTED, false)
  assert.deepEqual([exit, error?.code], [143, 'E_NOT_DRAINED'])
})
