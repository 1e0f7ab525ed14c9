/** TLS or a login that is asked for where no client reads it is an error, not a connection in plain text. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dfsp, folder } from '../cli/world.ts'

const BROKER = '[broker]\nbootstrap.servers = 127.0.0.1:1\n'

const REFUSED: readonly (readonly [what: string, file: string, env?: NodeJS.ProcessEnv])[] = [
  ['[consumer] only', `${BROKER}[consumer]\nsecurity.protocol = ssl\n`],
  ['[producer] only', `${BROKER}[producer]\nsecurity.protocol = SASL_SSL\n`],
  ['[heartbeat] only', `${BROKER}[heartbeat]\nsecurity.protocol = ssl\n`],
  ['a misspelt section', `${BROKER}[brokers]\nsecurity.protocol = ssl\n`],
  ['a section of nobody', `${BROKER}[security]\nsecurity.protocol = ssl\n`],
  ['other capitals', `${BROKER}[Broker]\nsecurity.protocol = ssl\n`],
  ['[plugin]', `${BROKER}[plugin]\nsecurity.protocol = ssl\n`],
  ['[dfsp]', `${BROKER}[dfsp]\nsecurity.protocol = ssl\n`],
  ['an authority without a protocol', `${BROKER}ssl.ca.location = ca.pem\n`],
  ['a key in PEM without a protocol', `${BROKER}ssl.keystore.key = PEM\n`],
  ['a login without a protocol', `${BROKER}sasl.mechanism = PLAIN\nsasl.username = u\nsasl.password = p\n`],
  ['a misspelt key', `${BROKER}secuirty.protocol = ssl\n`],
  ['a misspelt key of [DEFAULT]', `[DEFAULT]\nsecuirty.protocol = ssl\n${BROKER}`],
  ['a misspelt variable', BROKER, { DFSP_KAFKA_SECURTY_PROTOCOL: 'ssl' }],
  ['a variable without KAFKA', BROKER, { DFSP_SECURITY_PROTOCOL: 'ssl' }],
  ['a variable that is not set', `${BROKER}security.protocol = $NO_SUCH_PROTOCOL\n`],
  ['[kafkacrypto] as a property', `${BROKER}kafkacrypto = lab.config\n`],
  ['its file as a property', `${BROKER}[producer]\nconfig_file = lab.config\n`],
  ['a serializer that encrypts', `${BROKER}[producer]\nvalue.serializer = KafkaCryptoSerializer\n`],
  ['an interceptor that encrypts', `${BROKER}[producer]\ninterceptor.classes = lab.EncryptingInterceptor\n`],
]

for (const [what, file, env] of REFUSED)
  test(`protection asked for by ${what} is refused`, async t => {
    const { exit, error } = await dfsp(['config', 'check'], folder(t, { 'dfsp.config': file }), env)
    assert.ok(error?.code === 'E_CONFIG' || error?.code === 'E_USAGE', `${exit} ${error?.message}`)
    assert.match([error.message, ...error.facts, error.next].join('\n'), /prot|crypt|config_file|secur/i)
  })

const TAKEN: readonly (readonly [what: string, file: string, env?: NodeJS.ProcessEnv])[] = [
  ['both clients', `${BROKER}[consumer]\nsecurity.protocol = ssl\n[producer]\nsecurity.protocol = ssl\n`],
  [
    'plain text that is meant',
    `${BROKER}[consumer]\nsecurity.protocol = ssl\n[producer]\nsecurity.protocol = plaintext\n`,
  ],
  ['a login that is left over', `${BROKER}security.protocol = PLAINTEXT\nsasl.mechanism = PLAIN\n`],
  [
    'other brokers',
    `${BROKER}[heartbeat]\nbootstrap.servers = lab2:9093\nsecurity.protocol = ssl\n[consumer]\nbootstrap.servers = lab3:9093\nsecurity.protocol = ssl\n`,
  ],
  ["OpenMSIStream's serializers", `${BROKER}[producer]\nvalue.serializer = DataFileChunkSerializer\n`],
  [
    '[DEFAULT]',
    `[DEFAULT]\nsecurity.protocol = ssl\nssl_ca = ca.pem\n${BROKER}ssl.ca.location = %(ssl_ca)s\n`,
  ],
  ['a variable', `${BROKER}ssl.ca.location = ca.pem\n`, { DFSP_KAFKA_SECURITY_PROTOCOL: 'ssl' }],
]

for (const [what, file, env] of TAKEN)
  test(`protection is as it is meant: ${what}`, async t => {
    const { error } = await dfsp(['config', 'check'], folder(t, { 'dfsp.config': file }), env)
    assert.equal(error, undefined, error?.message)
  })

test('only the client that a command uses counts', async t => {
  const cwd = folder(t, { 'dfsp.config': `${BROKER}[producer]\nsecurity.protocol = ssl\n`, x: 'x' })
  assert.equal((await dfsp(['upload', 'x', '-t', 'x', '--dry-run'], cwd)).exit, 0)
  assert.equal((await dfsp(['ls', '-t', 'x'], cwd)).exit, 78)
})

test("a sender's own section is checked as [producer] is, where its topic is named", async t => {
  const heartbeats = '[dfsp]\nheartbeat-topic = hb\n'
  for (const wrong of ['secuirty.protocol = ssl', 'security.protocol = $NO_SUCH', 'linger.ms = long']) {
    const cwd = folder(t, { 'dfsp.config': `${heartbeats}[heartbeat]\n${wrong}\n` })
    assert.equal((await dfsp(['config', 'check'], cwd)).exit, 78, wrong)
  }
  const theirs = '[heartbeat]\nprefer.separate.producer = True\nkey.serializer = StringSerializer\n'
  assert.equal((await dfsp(['config', 'check'], folder(t, { 'dfsp.config': heartbeats + theirs }))).exit, 0)
})
