import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bootstrapAddresses, failureOf, failureText, hostPort, isRefusal } from '../../src/kafka/failures.ts'

/** Names that hold the words of other causes. */
const HOSTS = [
  'lab1',
  'timed.out.example',
  'ssl-handshake-failed.lab',
  'sasl.authentication.lab',
  'failed-to-resolve.lab',
  'certificate.lab',
  '10.0.0.7',
  '[::1]',
]
const TEXTS = [
  ['other', (host: string) => `Connect to ipv4#${host}:9092 failed: Connection refused`],
  ['other', () => 'Connection setup timed out in state CONNECT'],
  [
    'other',
    () =>
      'Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol configuration (connecting to a SSL listener?)',
  ],
  ['name', (host: string) => `Failed to resolve '${host}:9092': Name or service not known`],
  ['tls', () => 'SSL handshake failed: error:0A000086:SSL routines::certificate verify failed'],
  ['login', () => 'SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state'],
  ['login', () => 'SASL authentication error: Authentication failed'],
] as const

test('the kind of a failure does not follow from the name of a host', () => {
  for (const host of HOSTS)
    for (const protocol of ['', 'ssl://', 'sasl_ssl://'])
      for (const id of ['bootstrap', '3'])
        for (const [kind, text] of TEXTS) {
          const name = `${protocol}${host}:9092/${id}`
          const detail = text(host)
          const line = `[thrd:${name}]: ${name}: ${detail} (after 3ms in state CONNECT, 1 identical error(s) suppressed)`
          assert.deepEqual(failureOf(line), {
            kind,
            broker: `${host}:9092`,
            detail,
          })
        }
})

test('the broker of a failure is named once; a coordinator is named by its address', () => {
  const coordinator = failureOf(
    '[thrd:GroupCoordinator]: GroupCoordinator: [::1]:9092: Connect to ipv6#[::1]:9092 failed: Connection refused (after 0ms in state CONNECT)',
  )
  assert.equal(failureText(coordinator), 'Connect to ipv6#[::1]:9092 failed: Connection refused')
  assert.equal(failureText({ ...coordinator, detail: 'Disconnected' }), '[::1]:9092: Disconnected')
})

test('addresses are told apart as the client does, IPv6 too', () => {
  assert.deepEqual(bootstrapAddresses('lab1, sasl_ssl://lab2:9093,[::1]:9094,[fe80::1],lab1:9092,'), [
    'lab1:9092',
    'lab2:9093',
    '[::1]:9094',
    '[fe80::1]:9092',
  ])
  assert.deepEqual(hostPort('[::1]:9094'), { host: '::1', port: 9094 })
  assert.deepEqual(hostPort('lab1'), { host: 'lab1', port: 9092 })
})

test('what a broker refuses for good is told from what librdkafka tries again', () => {
  for (const refused of [
    'Broker: Cluster authorization failed',
    'cluster authorization failed',
    'Broker: Topic authorization failed',
    'Local: Fatal error',
  ])
    assert.ok(isRefusal(refused), refused)
  for (const passing of [
    'Local: Broker transport failure',
    'Local: All broker connections are down',
    'Local: Authentication failure',
    'Local: Host resolution failure',
  ])
    assert.ok(!isRefusal(passing), passing)
})
