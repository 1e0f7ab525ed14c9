/** Questions to a server that is no Kafka broker, or a hostile one: an error, soon, and never more memory than it takes. */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { clusterFacts } from '../../../src/kafka/ask/cluster-facts.ts'
import { openWire, text } from '../../../src/kafka/ask/wire.ts'

const API_VERSIONS = 18

/** A server that does `answer` with each connection's data. */
async function server(t: TestContext, answer: (socket: Socket, request: Buffer) => void): Promise<string> {
  const open = new Set<Socket>()
  const listening = createServer(socket => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('data', data => answer(socket, data))
  })
  await new Promise<void>(resolve => {
    listening.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    for (const socket of open) socket.destroy()
    listening.close()
  })
  const address = listening.address()
  assert.ok(address !== null && typeof address === 'object')
  return `127.0.0.1:${address.port}`
}

/** A response to `request` with this body. */
function response(request: Buffer, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + body.length, 0)
  request.copy(head, 4, 8, 12)
  return Buffer.concat([head, body])
}

async function asked(brokers: string): Promise<Buffer> {
  const wire = await openWire({ 'bootstrap.servers': brokers })
  try {
    return await wire.ask(API_VERSIONS, 0, Buffer.alloc(0))
  } finally {
    wire.close()
  }
}

test('a response that comes in pieces is put together', async t => {
  const brokers = await server(t, (socket, request) => {
    const whole = response(request, Buffer.from('whole'))
    socket.write(whole.subarray(0, 3))
    setImmediate(() => {
      socket.write(whole.subarray(3, 10))
      setImmediate(() => socket.write(whole.subarray(10)))
    })
  })
  assert.equal((await asked(brokers)).toString(), 'whole')
})

for (const [what, answer] of [
  ['another protocol', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['a size below zero', () => Buffer.from('ffffff00000000010000', 'hex')],
  ['a size beyond reason', () => Buffer.from('7fffffff000000010000', 'hex')],
  ['the answer to another question', () => Buffer.from('00000006000000630000', 'hex')],
] as const)
  test(`${what} is no answer`, async t => {
    const brokers = await server(t, socket => socket.write(answer()))
    await assert.rejects(asked(brokers), /not of Kafka’s protocol/)
  })

test('a connection that ends is an error, for the next question too', async t => {
  const brokers = await server(t, socket => socket.destroy())
  const wire = await openWire({ 'bootstrap.servers': brokers })
  await assert.rejects(wire.ask(API_VERSIONS, 0, Buffer.alloc(0)))
  await assert.rejects(wire.ask(API_VERSIONS, 0, Buffer.alloc(0)), /closed the connection/)
})

test('who dribbles an answer is not waited for', { timeout: 20_000 }, async t => {
  const brokers = await server(t, (socket, request) => {
    const whole = response(request, Buffer.alloc(1_000))
    let at = 0
    const timer = setInterval(() => socket.write(whole.subarray(at, ++at)), 100)
    socket.on('close', () => clearInterval(timer))
  })
  await assert.rejects(asked(brokers), /no answer/)
})

test('a login that asks for years of work is refused', async t => {
  let questions = 0
  const brokers = await server(t, (socket, request) => {
    if (questions++ === 0) return void socket.write(response(request, Buffer.from('0000', 'hex')))
    const [, nonce] = /n,,n=u,r=(.*)$/.exec(request.toString('latin1')) ?? []
    const challenge = Buffer.from(`r=${nonce}x,s=${Buffer.from('salt').toString('base64')},i=2000000000`)
    const size = Buffer.alloc(4)
    size.writeInt32BE(challenge.length)
    socket.write(response(request, Buffer.concat([Buffer.from([0, 0]), text(''), size, challenge])))
  })
  const properties = {
    'bootstrap.servers': brokers,
    'security.protocol': 'sasl_plaintext',
    'sasl.mechanism': 'SCRAM-SHA-256',
    'sasl.username': 'u',
    'sasl.password': 'p',
  }
  await assert.rejects(openWire(properties), /asks for 2000000000 rounds/)
})

test('an answer that is cut off, or counts more than it has, leaves the facts open', async t => {
  for (const body of ['', '0000', '0000ff', '0000ffffffff0f', '000001000000007f00ff']) {
    const brokers = await server(t, (socket, request) =>
      socket.write(response(request, Buffer.from(body, 'hex'))),
    )
    assert.deepEqual(await clusterFacts({ 'bootstrap.servers': brokers }, 'x'), {
      version: undefined,
      retention: undefined,
    })
  }
})
