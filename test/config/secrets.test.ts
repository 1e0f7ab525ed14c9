import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSecret, MASK, masked } from '../../src/config/secrets.ts'
import { PROPERTIES } from '../../src/kafka/properties.ts'

test('of the properties of librdkafka exactly those are secret that hold one', () => {
  assert.deepEqual(PROPERTIES.map(({ name }) => name).filter(isSecret), [
    'ssl.key.password',
    'ssl.key.pem',
    'ssl.certificate.pem',
    'https.ca.pem',
    'ssl.ca.pem',
    'ssl.keystore.password',
    'sasl.password',
    'sasl.oauthbearer.config',
    'sasl.oauthbearer.client.credentials.client.secret',
    'sasl.oauthbearer.client.secret',
    'sasl.oauthbearer.assertion.private.key.passphrase',
    'sasl.oauthbearer.assertion.private.key.pem',
  ])
})

test("secrets of plugins' sections are known by their names", () => {
  for (const name of ['secret_key_id', 'access_key_id', 'api-key', 'TOKEN', 'sasl.jaas.config'])
    assert.ok(isSecret(name))
  for (const name of ['topic', 'region', 'endpoint_url', 'column', 'key.serializer'])
    assert.ok(!isSecret(name), name)
})

test('an empty secret shows that it is empty, and a URL loses its password only', () => {
  assert.equal(masked('sasl.password', 'x'), MASK)
  assert.equal(masked('sasl.password', ''), '')
  assert.equal(masked('endpoint', 'https://me:pw@host:9000/x'), `https://me:${MASK}@host:9000/x`)
  assert.equal(masked('brokers', 'a:1,b:2'), 'a:1,b:2')
})
