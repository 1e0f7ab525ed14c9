import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSecret, MASK, masked, withoutLogins } from '../../src/config/secrets.ts'
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
  for (const name of [
    'secret_key_id',
    'access_key_id',
    'api-key',
    'TOKEN',
    'sasl.jaas.config',
    'credentials',
  ])
    assert.ok(isSecret(name), name)
  for (const name of [
    'auth',
    'http_auth',
    'auth_header',
    'basicAuth',
    'authorization',
    'db.pass',
    'pwd',
    'dsn',
  ])
    assert.ok(isSecret(name), name)
  for (const name of [
    'dbpass',
    'passcode',
    'db.creds',
    'psw',
    'salt',
    'passwd',
    'cookie',
    'bearer',
    'connection_string',
    'credential',
    'google.credentials',
  ])
    assert.ok(isSecret(name), name)
  for (const name of [
    'topic',
    'region',
    'endpoint_url',
    'column',
    'key.serializer',
    'author',
    'bypass',
    'method',
  ])
    assert.ok(!isSecret(name), name)
})

test('an empty secret shows that it is empty, and a URL loses its password only', () => {
  assert.equal(masked('sasl.password', 'x'), MASK)
  assert.equal(masked('sasl.password', ''), '')
  assert.equal(masked('endpoint', 'https://me:pw@host:9000/x'), `https://me:${MASK}@host:9000/x`)
  assert.equal(masked('brokers', 'a:1,b:2'), 'a:1,b:2')
})

test('a login within a value is masked, whatever the name', () => {
  for (const [value, shown] of [
    ['postgres://lab:pa/ss@w@db:5432/x?sslmode=require', `postgres://lab:${MASK}@db:5432/x?sslmode=require`],
    ['https://h/x?access_token=S3', `https://h/x?access_token=${MASK}`],
    ['jdbc:postgresql://h/db?password=p?w&ssl=1', `jdbc:postgresql://h/db?password=${MASK}&ssl=1`],
    ['amqp://:pw@mq/', `amqp://:${MASK}@mq/`],
    ['https://ghp_0123456789abcdef0123@git.lab/x', `https://${MASK}@git.lab/x`],
    ['lab:pw@tcp(db:3306)/x', `lab:${MASK}@tcp(db:3306)/x`],
    ['scott/tiger@db/x', `scott/${MASK}@db/x`],
    ['host=db user=lab password=pw dbname=x', `host=db user=lab password=${MASK} dbname=x`],
    ["Server=db;User Id=lab;Password='p w';", `Server=db;User Id=lab;Password=${MASK};`],
    ['AccountName=lab;AccountKey=abc==;x=1', `AccountName=lab;AccountKey=${MASK};x=1`],
    ['https://h/x?sv=1&sig=abc%3D&token=t', `https://h/x?sv=1&sig=${MASK}&token=${MASK}`],
    ['Authorization: Bearer abc.def', `Authorization: ${MASK} ${MASK}`],
    ['Bearer abcdefgh', `Bearer ${MASK}`],
    [
      'x.LoginModule required username="u" password="p w";',
      `x.LoginModule required username="u" password=${MASK};`,
    ],
    ['{"password": "p", "user": "u"}', `{"password": ${MASK}, "user": "u"}`],
    ['eyJhbGciOi.eyJzdWIi.abc-_', MASK],
    ['-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----', MASK],
  ] as const)
    assert.equal(masked('endpoint', value), shown)
})

test('what carries no login is shown as it is', () => {
  for (const value of [
    'http://lab1:9000/a@b',
    'lab1:9092,[::1]:9092',
    'sftp://lab@host/x',
    '/data/x',
    'a=1; b=2',
    '^run/.*@[0-9]+$',
  ])
    assert.equal(masked('endpoint', value), value)
})

test('the text of an error loses the logins of the addresses that it names, and nothing else', () => {
  for (const [text, shown] of [
    [
      'dfsp: there is no plugin https://me:pw@host/x [E]',
      `dfsp: there is no plugin https://me:${MASK}@host/x [E]`,
    ],
    ['run: does not take "lab:p/w@host"', `run: does not take "lab:${MASK}@host"`],
    ['{"message":"no \\"lab:pw@host:9092\\""}', `{"message":"no \\"lab:${MASK}@host:9092\\""}`],
  ] as const)
    assert.equal(withoutLogins(text), shown)
  for (const text of [
    'dfsp.config:3: $LAB_PW is not set, used by sasl.password; export LAB_PW=…',
    'there is no record xrd[1]@88123',
    'cannot reach lab1:9092,[::1]:9092',
    'check sasl.username and the password: dfsp config show --origin tells where each comes from',
    'imports "@lab/x", which is not found',
  ])
    assert.equal(withoutLogins(text), text)
})
