/** Errors as a user meets them: each cause is real, the message names it, and its code has a page. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { ERROR_HELP } from '../../src/cli/help/error-help.ts'
import { type CliResult, runCli, startCli } from '../support/cli.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { produceWithCodec } from '../support/raw-batch.ts'
import { noSmallDisk, smallDisk } from '../support/small-disk.ts'
import { readCommitted } from '../support/topics.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('errors', { concurrency: 5 }, () => {
  let folder: string
  let mock: MockCluster
  let tls: Server
  let http: Server
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dfsp-errors-'))
    const request = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=elsewhere.example',
    ]
    execFileSync('openssl', [...request, '-keyout', 'key.pem', '-out', 'cert.pem'], {
      cwd: folder,
      stdio: 'ignore',
    })
    const read = (name: string) => readFileSync(join(folder, name))
    tls = await listening(createTlsServer({ key: read('key.pem'), cert: read('cert.pem') }))
    http = await listening(createHttpServer((_, response) => response.end('no Kafka here')))
    mock = await startMock()
  })
  after(async () => {
    for (const server of [tls, http]) server.close()
    await mock.end()
    rmSync(folder, { recursive: true })
  })
  const run = (...args: string[]) =>
    runCli(['run', '-p', 'save', '-t', 'x', '--until-end', ...args], { cwd: folder })
  const at = (server: Server) => `127.0.0.1:${(server.address() as AddressInfo).port}`
  const secured = (how: string) => ['-X', `security.protocol=${how}`]

  // First: these take 10 s while the others run.
  test('a TLS port that is asked without TLS', async () => {
    const closed = await run('-b', at(tls))
    expect(closed, 69, 'E_BROKER_UNREACHABLE', /closed by peer[\s\S]*another security\.protocol/)
  })
  test('what waits for a broker says so, and Ctrl-C ends it at once', async () => {
    for (const args of [
      ['ls', '-t', 'x'],
      ['get', '-t', 'x', '**'],
      ['status', '-t', 'x', '-g', 'g'],
      ['config', 'check', '--connect', '-t', 'x'],
      ['retry', '-p', 'save', '-t', 'x', '-g', 'g'],
    ]) {
      const { waitFor, kill, done } = startCli([...args, '-b', at(tls)], { cwd: folder })
      await waitFor(/^asking 127\.0\.0\.1:\d+ /m)
      kill('SIGINT')
      const { code, signal } = await done
      assert.ok(code === 130 || signal === 'SIGINT', args.join(' '))
    }
  })
  test('a signal that comes before the work begins ends it at once, and says so', async () => {
    const plugin = 'await new Promise(resolve => setTimeout(resolve, 60_000))\nexport default () => null\n'
    writeFileSync(join(folder, 'slow.mjs'), `console.error('loading')\n${plugin}`)
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const cli = startCli(['run', '-p', './slow.mjs', '-t', 'x', '-b', at(tls)], { cwd: folder })
      await cli.waitFor(/loading/)
      cli.kill(name)
      const { signal, stderr } = await cli.done
      assert.equal(signal, name)
      assert.match(stderr, new RegExp(`^${name}: stopped at once$`, 'm'))
    }
  })
  test('records in a compression that the client was built without: it ends, and commits none of them', async () => {
    const topic = 'codec'
    const sent = await runCli(['upload', 'cert.pem', '-t', topic, '-b', mock.brokers], { cwd: folder })
    assert.equal(sent.code, 0, sent.stderr)
    const from = ['-t', topic, '-b', mock.brokers]
    const call = ['run', '-p', 'save', '-g', 'codec', ...from]
    assert.equal((await runCli([...call, '--until-end'], { cwd: folder })).code, 0)
    for (const partition of [0, 1, 2, 3]) await produceWithCodec(mock.brokers, topic, partition, 5)
    const ran = await runCli(call, { cwd: folder })
    assert.equal(ran.code, 78, ran.stderr)
    assert.match(ran.stderr, / error topic codec has records whose compression .*\[E_ADDON\]: it knows gzip/)
    const says =
      /topic codec has records whose compression .* does not know[\s\S]*it knows gzip, snappy, lz4[\s\S]*Try: .*libzstd-dev/
    for (const command of [['ls'], ['status', '-g', 'codec']])
      expect(await runCli([...command, ...from]), 78, 'E_ADDON', says)
    const committed = await readCommitted(mock.brokers, 'codec', topic)
    assert.deepEqual(committed.map(({ offset }) => offset ?? 0).sort(), [0, 0, 0, 1])
  })
  test('a port on which another kind of server listens', async () => {
    expect(
      await run('-b', at(http)),
      69,
      'E_BROKER_UNREACHABLE',
      /Try: something may listen there that is no Kafka/,
    )
  })
  test('a name that nobody knows', async () => {
    const result = await run('-b', 'lab1.invalid:9092')
    expect(result, 69, 'E_BROKER_UNREACHABLE', /Failed to resolve[\s\S]*Try: .*getent hosts lab1\.invalid/)
  })
  test('TLS on a port that speaks none', async () => {
    const result = await run('-b', mock.brokers, ...secured('SSL'))
    expect(result, 69, 'E_TLS', /PLAINTEXT broker listener\?\nTry: this port speaks no TLS/)
  })
  test('a certificate of an unknown authority, and one for another name', async () => {
    const unknown = await run('-b', at(tls), ...secured('SSL'))
    expect(unknown, 69, 'E_TLS', /certificate verify failed[\s\S]*Try: ssl\.ca\.location=FILE/)
    const known = ['-X', `ssl.ca.location=${join(folder, 'cert.pem')}`]
    const named = await run('-b', at(tls), ...secured('SSL'), ...known)
    expect(named, 69, 'E_TLS', /openssl s_client -connect 127\.0\.0\.1:\d+ shows it/)
  })
  test('an authority file that is not there, and a login without its mechanism', async () => {
    const noFile = await run('-b', at(tls), ...secured('SSL'), '-X', 'ssl.ca.location=absent.pem')
    expect(noFile, 78, 'E_CONFIG', /Try: check that the files of ssl\.ca\.location.* exist/)
    const noMechanism = await run('-b', mock.brokers, ...secured('SASL_PLAINTEXT'))
    expect(noMechanism, 78, 'E_CONFIG', /Try: set sasl\.mechanism to what the broker offers/)
  })
  test('a login at a broker that takes none', async () => {
    const login = ['sasl.mechanism=PLAIN', 'sasl.username=ada', 'sasl.password=secret-word']
    const result = await run(
      '-b',
      mock.brokers,
      ...secured('SASL_PLAINTEXT'),
      ...login.flatMap(p => ['-X', p]),
    )
    expect(result, 77, 'E_AUTH', /mechanism PLAIN, user "ada"/)
    assert.doesNotMatch(result.stderr, /secret-word/)
  })
  test('OAUTHBEARER, with and without a method, says at once what is not built in', async t => {
    if ((await import('@confluentinc/kafka-javascript')).default.features.includes('oidc'))
      return t.skip('it is built in')
    for (const more of [[], ['-X', 'sasl.oauthbearer.method=oidc', '-X', 'sasl.oauthbearer.client.id=x']]) {
      const mechanism = ['-X', 'sasl.mechanism=OAUTHBEARER', ...more]
      const result = await run('-b', mock.brokers, ...secured('SASL_SSL'), ...mechanism)
      expect(result, 78, 'E_CONFIG', /Try: OAUTHBEARER is not built in: .*libcurl4-openssl-dev/)
    }
  })
  test("a broker that wants a client's certificate is not answered with a hint at its own", async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const [key, cert] = ['key.pem', 'cert.pem'].map(name => readFileSync(join(folder, name))) as [
        Buffer,
        Buffer,
      ]
      const strict = createTlsServer({ key, cert, ca: cert, requestCert: true, maxVersion })
      const server = await listening(strict)
      const trust = ['-X', `ssl.ca.location=${join(folder, 'cert.pem')}`]
      const unnamed = ['-X', 'ssl.endpoint.identification.algorithm=none']
      const result = await run('-b', at(server), ...secured('SSL'), ...trust, ...unnamed)
      server.close()
      expect(
        result,
        69,
        'E_TLS',
        /Try: the broker wants a certificate of this client.*ssl\.certificate\.location/,
      )
    }
  })
  test('no broker at all', async () => {
    expect(await run(), 2, 'E_NO_BROKER', /DFSP_BROKERS[\s\S]*Try: /)
  })
  test('a variable of the config file that is not set', async () => {
    writeFileSync(
      join(folder, 'unset.config'),
      '[broker]\nbootstrap.servers = lab1:9092\nsasl.password = $LAB_PW\n',
    )
    expect(await run('-c', 'unset.config'), 78, 'E_CONFIG', /unset\.config:3: .*\$LAB_PW is not set/)
  })
  test('properties and values that are misspelt, all at once', async () => {
    writeFileSync(join(folder, 'odd.config'), '[consumer]\nfetch.min.byte = 1\n[dfsp]\nthreads = four\n')
    const { code, stderr } = await run('-c', 'odd.config', '-b', mock.brokers)
    assert.equal(code, 78)
    assert.match(stderr, /2 settings are wrong \[E_CONFIG\]/)
    assert.match(stderr, /odd\.config:2: .*fetch\.min\.byte.*did you mean "fetch\.min\.bytes"/)
    assert.match(stderr, /odd\.config:4: .*"four" is not a whole number/)
  })
  test('a plugin that is not there, does not compile, exports nothing, or fails in setup()', async () => {
    writeFileSync(join(folder, 'plot.mts'), 'export default () => null\nexport const n: number = 1 error 2\n')
    writeFileSync(join(folder, 'class.mjs'), 'export default class Plot {}\n')
    writeFileSync(
      join(folder, 'setup.mjs'),
      "export default () => null\nexport const setup = () => { throw new Error('no licence') }\n",
    )
    const tried = (plugin: string) => runCli(['try', plugin, 'cert.pem'], { cwd: folder })
    expect(await tried('./plto.mts'), 66, 'E_PLUGIN_MISSING', /did you mean \.\/plot\.mts\?/)
    expect(
      await tried('./plot.mts'),
      78,
      'E_PLUGIN',
      /does not compile.*\n.*plot\.mts:2:\d+ Expected ";" but found "error"/,
    )
    expect(await tried('./class.mjs'), 78, 'E_PLUGIN', /exports a class as default/)
    expect(await tried('./setup.mjs'), 78, 'E_PLUGIN', /setup\(\) failed.*\n.*no licence/)
  })
  test('an output folder on a disk that is mounted read-only', { skip: noSmallDisk }, async () => {
    const disk = smallDisk(1_000_000)
    disk.readOnly(true)
    const result = await run('-b', mock.brokers, '-o', join(disk.folder, 'out'))
    disk.end()
    expect(result, 73, 'E_OUTPUT', /read-only|EROFS/i)
  })
  test('a library that librdkafka cannot load, whatever the client is for', async () => {
    const library = ['-b', mock.brokers, '-X', 'plugin.library.paths=/absent.so']
    expect(await run(...library), 78, 'E_CONFIG', /\/absent\.so[\s\S]*Try: dfsp config show --origin/)
    for (const call of [['upload', 'key.pem'], ['ls'], ['status', '-g', 'g']]) {
      const result = await runCli([...call, '-t', 'x', ...library], { cwd: folder })
      expect(result, 78, 'E_CONFIG', /\/absent\.so/)
    }
  })
  test('a Kafka client that was not built', async () => {
    const copy = join(folder, 'copy')
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(join(ROOT, part), join(copy, part), { recursive: true })
    const modules = join(copy, 'node_modules')
    mkdirSync(join(modules, '@confluentinc'), { recursive: true })
    const client = '@confluentinc/kafka-javascript'
    for (const part of ['package.json', 'lib'])
      cpSync(join(ROOT, 'node_modules', client, part), join(modules, client, part), { recursive: true })
    for (const name of ['bindings', 'file-uri-to-path', 'yargs', 'winston', 'tsx', '@msgpack'])
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    const program = join(copy, 'bin', 'dfsp.js')
    const call = ['run', '-p', 'save', '-t', 'x', '-b', mock.brokers, '--until-end']
    const result = await runCli(call, { program, cwd: folder })
    expect(result, 78, 'E_ADDON', /no binary of .* for \S+, Node [\d.]+\nTry: .*npm rebuild/)
    // What needs no client works.
    assert.equal((await runCli(['help', 'E_ADDON'], { program })).code, 0)
  })
})

function expect(
  { code, stderr }: CliResult,
  exit: number,
  name: keyof typeof ERROR_HELP,
  says: RegExp,
): void {
  assert.equal(code, exit, stderr)
  assert.match(stderr, new RegExp(`^dfsp: .* \\[${name}\\]$`, 'm'))
  assert.match(stderr, says)
  assert.match(stderr, /^Try: /m)
  assert.doesNotMatch(stderr, /^ +at /m)
  assert.ok(ERROR_HELP[name].mend.length > 0)
}

async function listening<S extends Server>(server: S): Promise<S> {
  // Who hangs up in the middle of a handshake is what these tests are about.
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}
