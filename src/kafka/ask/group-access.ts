/** What a client may do with a consumer group that need not exist yet: the binding cannot ask that of a new one. */
import { addressText } from '../failures.ts'
import { onWire, reader, text, type Wire } from './wire.ts'

const FIND_COORDINATOR = 10
const DESCRIBE_GROUPS = 15
const GROUP = 0
const GROUP_AUTHORIZATION_FAILED = 30
const COORDINATOR_NOT_AVAILABLE = 15
const NOBODY = 'no broker coordinates it, as where __consumer_offsets cannot be made or has no leader'
/** In place of the operations: the broker does not tell. */
const UNTOLD = -(2 ** 31)

/** Numbers of Kafka's AclOperation. Never rejects: undefined where it cannot be learned. */
export async function groupOperations(
  properties: Readonly<Record<string, string>>,
  group: string,
): Promise<readonly number[] | undefined> {
  try {
    const coordinator = await onWire(properties, wire => coordinatorOf(wire, group))
    if (coordinator === 'forbidden') return []
    if (coordinator === undefined) return undefined
    const there = { ...properties, 'bootstrap.servers': coordinator }
    return await onWire(there, wire => operationsOf(wire, group))
  } catch {
    return undefined
  }
}

/** Why nobody coordinates the group, in words; undefined where somebody does, or where it cannot be learned. */
export async function coordinatorProblem(
  properties: Readonly<Record<string, string>>,
  group: string,
): Promise<string | undefined> {
  try {
    return await onWire(properties, async wire => {
      const { error, message } = (await coordinatorAnswer(wire, group)).head
      if (error === 0) return undefined
      const words = error === COORDINATOR_NOT_AVAILABLE ? NOBODY : (message ?? 'the broker refuses')
      return `${words} (${error})`
    })
  } catch {
    return undefined
  }
}

/** `host:port`; undefined while there is none. */
async function coordinatorOf(wire: Wire, group: string): Promise<string | undefined> {
  const { head, answer } = await coordinatorAnswer(wire, group)
  if (head.error === GROUP_AUTHORIZATION_FAILED) return 'forbidden'
  if (head.error !== 0) return undefined
  answer.int32() // node
  const host = answer.text() ?? ''
  return addressText({ host, port: answer.int32() })
}

/** `answer` stands before the coordinator's node. */
async function coordinatorAnswer(wire: Wire, group: string) {
  const body = Buffer.concat([text(group), Buffer.from([GROUP])])
  const answer = reader(await wire.ask(FIND_COORDINATOR, 1, body))
  answer.int32() // throttle time
  return { head: { error: answer.int16(), message: answer.text() }, answer }
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
