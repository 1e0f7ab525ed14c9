/** What dfsp asks by itself, and a whole run, on a real listener with TLS and each login that can be had there. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { clusterFacts } from '../../src/kafka/ask/cluster-facts.ts'
import { groupOperations } from '../../src/kafka/ask/group-access.ts'
import { openWire } from '../../src/kafka/ask/wire.ts'
import { noBroker, uniqueName } from '../support/broker.ts'
import { recordsOf } from '../support/files.ts'
import { type Kafka, startKafka } from '../support/kafka.ts'
import { kafkaJars } from '../support/kafka-jars.ts'
import { freePorts } from '../support/ports.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, produceRaw } from '../support/topics.ts'
import { until } from '../support/until.ts'

/** Kafka's AclOperation. */
const READ = 3
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
/** With what SCRAM writes otherwise; Kafka's list of PLAIN users cannot have it. */
const userOf = (mechanism: string) => (mechanism === 'PLAIN' ? 'lab' : 'lab=7,north')
const PASSWORD = 'lab-secret'

describe('TLS with login', { skip: noBroker }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'dfsp-secured-'))
  const ca = join(folder, 'cert.pem')
  let kafka: Kafka
  let secured: string
  let plugin: Steered

  before(async () => {
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1']
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=broker']
    const files = ['-keyout', join(folder, 'key.pem'), '-out', ca]
    execFileSync('openssl', [...request, ...names, ...files], { stdio: 'ignore' })
    const store = join(folder, 'store.pem')
    writeFileSync(store, readFileSync(join(folder, 'key.pem'), 'utf8') + readFileSync(ca, 'utf8'))

    const [plain = 0, controller = 0, tls = 0] = await freePorts(3)
    const jaas = (kind: string, options = '') =>
      `org.apache.kafka.common.security.${kind} required${options};`
    const of = (mechanism: string) => `listener.name.sasl_ssl.${mechanism}.sasl.jaas.config`
    kafka = await startKafka({
      ports: [plain, controller],
      properties: {
        listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},SASL_SSL://127.0.0.1:${tls}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL',
        'sasl.enabled.mechanisms': MECHANISMS.join(),
        [of('plain')]: jaas('plain.PlainLoginModule', ` user_${userOf('PLAIN')}="${PASSWORD}"`),
        [of('scram-sha-256')]: jaas('scram.ScramLoginModule'),
        [of('scram-sha-512')]: jaas('scram.ScramLoginModule'),
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': store,
      },
    })
    secured = `127.0.0.1:${tls}`
    for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'])
      await promisify(execFile)('java', [
        ...['-cp', join(await kafkaJars(), '*'), 'kafka.admin.ConfigCommand', '--alter'],
        ...[
          '--bootstrap-server',
          kafka.brokers,
          '--entity-type',
          'users',
          '--entity-name',
          userOf(mechanism),
        ],
        ...['--add-config', `${mechanism}=[password=${PASSWORD}]`],
      ])
    plugin = steered()
  })
  after(async () => {
    plugin?.end()
    await kafka?.end()
    rmSync(folder, { recursive: true, force: true })
  })

  const properties = (mechanism: string, more: Readonly<Record<string, string>> = {}) => ({
    'bootstrap.servers': secured,
    'security.protocol': 'SASL_SSL',
    'ssl.ca.location': ca,
    'sasl.mechanism': mechanism,
    'sasl.username': userOf(mechanism),
    'sasl.password': PASSWORD,
    ...more,
  })

  for (const mechanism of MECHANISMS)
    test(`${mechanism}: the broker's version, a topic's retention, a group's operations, and a whole run`, {
      timeout: 240_000,
    }, async () => {
      const topic = uniqueName('secured')
      await createTopic(kafka.brokers, topic, 1, { 'retention.ms': '7200000' })
      await produceRaw(kafka.brokers, topic, recordsOf({ path: 'a.dat', content: randomBytes(2_000) }))
      assert.deepEqual(await clusterFacts(properties(mechanism), topic), {
        version: '4.1',
        retention: { ms: 7_200_000, bytes: undefined },
      })
      // A new cluster has no coordinators in its first moments.
      await until(async () => (await groupOperations(properties(mechanism), topic))?.includes(READ) ?? false)

      const { 'bootstrap.servers': brokers, ...rest } = properties(mechanism)
      const settings = Object.entries(rest).flatMap(([name, value]) => ['-X', `${name}=${value}`])
      const args = ['-b', brokers, ...settings, '-t', topic, '-g', topic, '--until-end']
      plugin.forget()
      const right = await plugin.run(args)
      assert.equal(right.code, 0, right.stderr)
      assert.deepEqual(plugin.ended(), ['a.dat'])
      const wrong = await plugin.run([...args, '-X', 'sasl.password=wrong'])
      assert.equal(wrong.code, 77, wrong.stderr)
      assert.match(
        wrong.stderr,
        new RegExp(`login refused by .*\\[E_AUTH\\]\n {2}mechanism ${mechanism}, user`),
      )
    })

  test('a wrong password, an unknown mechanism, an authority nobody knows: each says what it is', async () => {
    for (const mechanism of MECHANISMS)
      await assert.rejects(
        openWire(properties(mechanism, { 'sasl.password': 'wrong' })),
        /^Error: .*(credentials|username or password)/,
      )
    await assert.rejects(openWire(properties('OAUTHBEARER')), /no login by OAUTHBEARER/)
    const { 'ssl.ca.location': _, ...untrusted } = properties('PLAIN')
    await assert.rejects(openWire(untrusted), /self-signed certificate/)
    const unchecked = await openWire({ ...untrusted, 'enable.ssl.certificate.verification': 'false' })
    unchecked.close()
  })
})
