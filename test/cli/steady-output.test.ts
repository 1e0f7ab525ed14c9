import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { steadyOutput } from '../../src/cli/terminal/steady-output.ts'

const MIB = 'x'.repeat(1024 * 1024)

/** A reader that takes nothing until it is told to. */
function standingStill() {
  const taken: string[] = []
  let goOn = () => {}
  let stands = true
  const stream = new Writable({
    write(chunk, _, done) {
      taken.push(String(chunk))
      if (stands) goOn = done
      else done()
    },
  })
  return {
    stream,
    taken,
    goOn() {
      stands = false
      goOn()
    },
  }
}

test('a reader that stands still costs a bounded amount of memory: the last lines are kept, the others counted in their place', async () => {
  const { stream, taken, goOn } = standingStill()
  const output = steadyOutput(stream, {
    onBroken: () => assert.fail(),
    onLeftOut: count => `(${count})`,
  })
  for (let i = 0; i < 100; i++) output.write(MIB)
  output.write('summary')
  assert.equal(output.isBehind, true)
  assert.ok(stream.writableLength <= 17 * MIB.length, `${stream.writableLength} bytes`)
  goOn()
  await new Promise(setImmediate)
  const [first, rest = ''] = taken
  assert.equal(first, MIB)
  assert.ok(rest.endsWith('xsummary'))
  const [, count = ''] = /^\((\d+)\)/.exec(rest) ?? []
  assert.equal(rest.length, `(${count})summary`.length + (99 - Number(count)) * MIB.length)
  assert.ok(rest.length <= 17 * MIB.length)
})

test('what waits is handed on when it is closed', () => {
  const { stream } = standingStill()
  const output = steadyOutput(stream, { onBroken: () => assert.fail(), onLeftOut: () => assert.fail() })
  output.write(MIB)
  output.write('summary')
  output.close()
  assert.equal(stream.writableLength, MIB.length + 'summary'.length)
})

for (const code of ['ENOSPC', 'EIO', 'EPIPE', 'EAGAIN', 'ERR_STREAM_DESTROYED'])
  test(`${code} is told once`, async () => {
    const stream = new Writable({
      autoDestroy: false, // as stdout and stderr
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
    })
    const told: unknown[] = []
    stream.on('error', () => {}) // as the program has it
    const output = steadyOutput(stream, {
      onBroken: error => told.push(error.code),
      onLeftOut: () => assert.fail(),
    })
    for (const line of ['a', 'b', 'c']) {
      output.write(line)
      await new Promise(setImmediate)
    }
    assert.deepEqual(told, [code])
    output.close()
  })
