/** What a client may do with a consumer group that need not exist yet: the binding cannot ask that of a new one. */
import { openWire, reader, text, type Wire } from './wire.ts'

const FIND_COORDINATOR = 10
const DESCRIBE_GROUPS = 15
const GROUP = 0
const GROUP_AUTHORIZATION_FAILED = 30
/** In place of the operations: the broker does not tell. */
const UNTOLD = -(2 ** 31)

/** Numbers of Kafka's AclOperation. Never rejects: undefined where it cannot be learned. */
export async function groupOperations(
  properties: Readonly<Record<string, string>>,
  group: string,
): Promise<readonly number[] | undefined> {
  try {
    const coordinator = await connected(properties, wire => coordinatorOf(wire, group))
    if (coordinator === 'forbidden') return []
    if (coordinator === undefined) return undefined
    const there = { ...properties, 'bootstrap.servers': coordinator }
    return await connected(there, wire => operationsOf(wire, group))
  } catch {
    return undefined
  }
}

async function connected<T>(
  properties: Readonly<Record<string, string>>,
  ask: (wire: Wire) => Promise<T>,
): Promise<T> {
  const wire = await openWire(properties)
  return await ask(wire).finally(wire.close)
}

/** `host:port`; undefined while there is none. */
async function coordinatorOf(wire: Wire, group: string): Promise<string | undefined> {
  const body = Buffer.concat([text(group), Buffer.from([GROUP])])
  const answer = reader(await wire.ask(FIND_COORDINATOR, 1, body))
  answer.int32() // throttle time
  const error = answer.int16()
  if (error === GROUP_AUTHORIZATION_FAILED) return 'forbidden'
  if (error !== 0) return undefined
  answer.text() // error message
  answer.int32() // node
  const host = answer.text() ?? ''
  return `${host.includes(':') ? `[${host}]` : host}:${answer.int32()}`
}

async function operationsOf(wire: Wire, group: string): Promise<readonly number[] | undefined> {
  const body = Buffer.concat([Buffer.from([0, 0, 0, 1]), text(group), Buffer.from([1])])
  const answer = reader(await wire.ask(DESCRIBE_GROUPS, 3, body))
  answer.int32() // throttle time
  if (answer.int32() !== 1) return undefined
  const error = answer.int16()
  if (error === GROUP_AUTHORIZATION_FAILED) return []
  if (error !== 0) return undefined
  for (let left = 4; left > 0; left--) answer.text() // group, state, protocol and its type
  for (let members = answer.int32(); members > 0; members--) {
    for (let left = 3; left > 0; left--) answer.text() // member, client, host
    for (let left = 2; left > 0; left--) answer.bytes(Math.max(0, answer.int32())) // metadata, assignment
  }
  const bits = answer.int32()
  return bits === UNTOLD ? undefined : [...Array(32).keys()].filter(bit => (bits >>> bit) & 1)
}
