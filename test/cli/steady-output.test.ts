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

test('a reader that stands still costs a bounded amount of memory, and hears how much was left out', async () => {
  const { stream, taken, goOn } = standingStill()
  const leftOut = new Promise<number>(resolve => {
    const output = steadyOutput(stream, { onBroken: () => assert.fail(), onLeftOut: resolve })
    for (let i = 0; i < 100; i++) output.write(MIB)
    assert.equal(output.isBehind, true)
    assert.ok(stream.writableLength <= 17 * MIB.length, `${stream.writableLength} bytes`)
  })
  goOn()
  assert.equal((await leftOut) + taken.length, 100)
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
