/**
 * A few requests in Kafka's own protocol, for what the client cannot ask: one connection, one request at a time. All of
 * it is best effort; nothing that a run depends on goes this way.
 * https://kafka.apache.org/protocol
 */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { bootstrapAddresses, hostPort } from '../failures.ts'
import { loginOf } from '../login.ts'

export interface Wire {
  /** The response's body behind its correlation id. Rejects when the connection ends or time is up. */
  ask(api: number, version: number, body: Buffer, headerTags?: boolean): Promise<Buffer>
  close(): void
}

type Properties = Readonly<Record<string, string>>

const TIMEOUT_MS = 5_000
/** Of a response; those that are asked for here have some kilobytes. */
const MOST_BYTES = 4 * 1024 * 1024
/** Kafka takes 4,096 by default; millions would keep a processor busy for seconds. */
const MOST_ROUNDS = 100_000
const SASL_HANDSHAKE = 17
export const API_VERSIONS = 18
const SASL_AUTHENTICATE = 36

/** Connects and logs in at the first of the brokers that answers; rejects with an Error that says why none did. */
export async function openWire(properties: Properties): Promise<Wire> {
  let reason: unknown = new Error('no broker is named')
  for (const address of bootstrapAddresses(loginOf(properties).brokers)) {
    try {
      return await openedAt(hostPort(address), properties)
    } catch (error) {
      reason = error
    }
  }
  throw reason
}

/** The same for as long as `ask` takes. */
export async function onWire<T>(properties: Properties, ask: (wire: Wire) => Promise<T>): Promise<T> {
  const wire = await openWire(properties)
  return await ask(wire).finally(wire.close)
}

async function openedAt(
  { host, port }: { readonly host: string; readonly port: number },
  properties: Properties,
): Promise<Wire> {
  const protocol = (properties['security.protocol'] ?? 'plaintext').toLowerCase()
  const tls = protocol.endsWith('ssl') ? tlsOptions(properties) : undefined
  const wire = framed(await connected(host, port, tls))
  try {
    if (protocol.startsWith('sasl')) await login(wire, properties)
    return wire
  } catch (error) {
    wire.close()
    throw error
  }
}

/**
 * Resolves when a Kafka broker answers at the address; over TLS, and so without a look at its certificate, when
 * something listens there.
 */
export async function knocked(
  { host, port }: { readonly host: string; readonly port: number },
  isTls: boolean,
  timeoutMs: number,
): Promise<void> {
  const socket = await connected(host, port, undefined, Math.min(timeoutMs, TIMEOUT_MS))
  if (isTls) return void socket.destroy()
  const wire = framed(socket)
  try {
    await wire.ask(API_VERSIONS, 0, Buffer.alloc(0))
  } finally {
    wire.close()
  }
}

function connected(
  host: string,
  port: number,
  tls: object | undefined,
  timeoutMs = TIMEOUT_MS,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // RFC 6066: the name of a server is never an address.
    const servername = isIP(host) === 0 ? host : ''
    const socket = tls ? connectTls({ host, port, servername, ...tls }) : connectTcp({ host, port })
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), timeoutMs)
    socket.once('error', reject)
    socket.once('close', () => clearTimeout(timer))
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}

function tlsOptions(properties: Properties): object {
  const of = (name: string) => {
    const location = properties[`ssl.${name}.location`]
    return properties[`ssl.${name}.pem`] ?? (location === undefined ? undefined : readFileSync(location))
  }
  const isUnnamed = properties['ssl.endpoint.identification.algorithm'] === 'none'
  return {
    ca: of('ca'),
    cert: of('certificate'),
    key: of('key'),
    passphrase: properties['ssl.key.password'],
    rejectUnauthorized: properties['enable.ssl.certificate.verification'] !== 'false',
    ...(isUnnamed ? { checkServerIdentity: () => undefined } : {}),
  }
}

function framed(socket: Socket): Wire {
  let received = Buffer.alloc(0)
  let waiting: { resolve(body: Buffer): void; reject(error: Error): void } | undefined
  let correlation = 0
  const fail = (error: Error) => waiting?.reject(error)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the broker closed the connection')))
  socket.on('data', data => {
    received = Buffer.concat([received, data])
    if (received.length < 8) return
    const size = received.readInt32BE(0)
    if (size < 4 || size > MOST_BYTES || received.readInt32BE(4) !== correlation)
      return void socket.destroy(new Error('the answer is not of Kafka’s protocol'))
    if (received.length < 4 + size) return
    const body = received.subarray(8, 4 + size)
    received = received.subarray(4 + size)
    waiting?.resolve(body)
  })
  return {
    ask(api, version, body, headerTags = false) {
      const head = Buffer.alloc(8)
      head.writeInt16BE(api, 0)
      head.writeInt16BE(version, 2)
      head.writeInt32BE(++correlation, 4)
      const parts = [head, text('dfsp'), ...(headerTags ? [Buffer.from([0])] : []), body]
      const size = Buffer.alloc(4)
      size.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 0))
      const answer = new Promise<Buffer>((resolve, reject) => {
        waiting = { resolve, reject }
        if (socket.destroyed) reject(new Error('the broker closed the connection'))
        else socket.write(Buffer.concat([size, ...parts]))
      })
      const timer = setTimeout(() => socket.destroy(new Error('no answer')), TIMEOUT_MS)
      return answer.finally(() => clearTimeout(timer))
    },
    close: () => socket.destroy(),
  }
}

async function login(wire: Wire, properties: Properties): Promise<void> {
  const mechanism = properties['sasl.mechanism'] ?? properties['sasl.mechanisms'] ?? ''
  const { 'sasl.username': user = '', 'sasl.password': password = '' } = properties
  if (!/^(PLAIN|SCRAM-SHA-(256|512))$/.test(mechanism)) throw new Error(`no login by ${mechanism}`)
  const shaken = await wire.ask(SASL_HANDSHAKE, 1, text(mechanism))
  if (shaken.readInt16BE(0) !== 0) throw new Error('the broker does not offer that mechanism')
  if (mechanism === 'PLAIN') return void (await authenticate(wire, `\0${user}\0${password}`))
  await scram(wire, mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', user, password)
}

/** RFC 5802. */
async function scram(wire: Wire, hash: 'sha256' | 'sha512', user: string, password: string): Promise<void> {
  const nonce = randomBytes(18).toString('base64')
  const first = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  const challenge = (await authenticate(wire, `n,,${first}`)).toString()
  const [, joint = '', salt = '', rounds = '0'] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge) ?? []
  if (!joint.startsWith(nonce)) throw new Error('the broker answered another login')
  if (Number(rounds) > MOST_ROUNDS) throw new Error(`the broker asks for ${rounds} rounds of hashing`)
  const digest = (data: Buffer) => createHash(hash).update(data).digest()
  const sign = (key: Buffer, data: string) => createHmac(hash, key).update(data).digest()
  const length = hash === 'sha256' ? 32 : 64
  const salted = await promisify(pbkdf2)(password, Buffer.from(salt, 'base64'), Number(rounds), length, hash)
  const key = sign(salted, 'Client Key')
  const last = `c=biws,r=${joint}`
  const proof = sign(digest(key), `${first},${challenge},${last}`).map((byte, i) => byte ^ (key[i] as number))
  const signature = sign(sign(salted, 'Server Key'), `${first},${challenge},${last}`).toString('base64')
  const answer = await authenticate(wire, `${last},p=${Buffer.from(proof).toString('base64')}`)
  if (answer.toString() !== `v=${signature}`) throw new Error('the broker does not know the password')
}

async function authenticate(wire: Wire, token: string): Promise<Buffer> {
  const bytes = Buffer.from(token)
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  const answer = reader(await wire.ask(SASL_AUTHENTICATE, 0, Buffer.concat([length, bytes])))
  const code = answer.int16()
  const message = answer.text()
  if (code !== 0) throw new Error(message ?? `login refused (${code})`)
  return answer.bytes(answer.int32())
}

/** A string of the older, not flexible, versions. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Reads a response from its beginning; throws a RangeError beyond its end. */
export function reader(body: Buffer) {
  let at = 0
  const step = (n: number) => {
    at += n
    return at - n
  }
  const bytes = (n: number) => {
    if (n < 0 || at + n > body.length) throw new RangeError('the response is cut off')
    const from = step(n)
    return body.subarray(from, from + n)
  }
  return {
    bytes,
    int8: () => body.readInt8(step(1)),
    int16: () => body.readInt16BE(step(2)),
    int32: () => body.readInt32BE(step(4)),
    /** Undefined for null. */
    text(): string | undefined {
      const length = body.readInt16BE(step(2))
      return length < 0 ? undefined : bytes(length).toString()
    },
    varint(): number {
      let value = 0
      for (let shift = 0; ; shift += 7) {
        const byte = body.readUInt8(step(1))
        value += (byte & 0x7f) * 2 ** shift
        if (byte < 0x80) return value
      }
    },
  }
}
