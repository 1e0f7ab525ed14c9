import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { mustKnowConsumerProtocol } from '../../../src/kafka/ask/consumer-protocol.ts'

const HEARTBEAT = 68

/** A broker that says of itself which versions of which requests it takes; undefined: none that can be read. */
async function broker(
  t: TestContext,
  versions: readonly (readonly [api: number, least: number, most: number])[] | undefined,
): Promise<string> {
  const open = new Set<Socket>()
  const listening = createServer(socket => {
    open.add(socket)
    socket.on('data', request => {
      const body = [0, 0, 0, 0, 0, versions?.length ?? 0, ...(versions ?? []).flat().flatMap(n => [0, n])]
      const answer = Buffer.from([0, 0, 0, 4 + body.length, ...request.subarray(8, 12), ...body])
      if (versions) socket.write(answer)
      else socket.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  t.after(() => {
    for (const socket of open) socket.destroy()
    listening.close()
  })
  return `127.0.0.1:${(listening.address() as AddressInfo).port}`
}

const ask = async (brokers: string) => await mustKnowConsumerProtocol({ 'bootstrap.servers': brokers })

test('a broker that knows group.protocol=consumer, or tells nothing, is no hindrance', async t => {
  await ask(await broker(t, [[HEARTBEAT, 0, 1]]))
  await ask(
    await broker(t, [
      [1, 0, 9],
      [HEARTBEAT, 1, 2],
    ]),
  )
  await ask(await broker(t, undefined))
})

for (const [what, versions] of [
  ['without it', [[1, 0, 9]]],
  ['of Kafka 3.7, with its first draft', [[HEARTBEAT, 0, 0]]],
] as const)
  test(`a broker ${what} is an error of the settings`, async t => {
    await assert.rejects(ask(await broker(t, versions)), {
      code: 'E_CONFIG',
      message: 'the broker does not know group.protocol = consumer',
    })
  })
