/** A config that asks for encryption, which is not built in have: nothing goes out in plain text. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { recordsOf } from '../support/files.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { readAll } from '../support/topics.ts'
import { dfsp, folder } from './world.ts'

/** As OpenMSIStream reads it, and what a hand may have made of it. */
const ASKING: Readonly<Record<string, string>> = {
  'a node': '[kafkacrypto]\nnode_id = lab\n',
  'a file': '[kafkacrypto]\nconfig_file = lab/lab.config\n',
  'a node of [DEFAULT]': '[DEFAULT]\nnode_id = lab\n[kafkacrypto]\n',
  'an empty section': '[kafkacrypto]\n',
  'a misspelt key': '[kafkacrypto]\nnodeid = lab\n',
  'an unset variable': '[kafkacrypto]\nnode_id = $NO_SUCH_NODE\n',
  'other capitals': '[KafkaCrypto]\nnode_id = lab\n',
  'a hyphen': '[kafka-crypto]\nnode_id = lab\n',
  blanks: '[ kafkacrypto ]\nnode_id = lab\n',
  'a slip': '[kafkacryto]\nnode_id = lab\n',
  "KafkaCrypto's own file": '[lab]\ncryptokey = file#lab.crypto\n[lab-crypto]\nmaxage = 86400\n',
}

describe('a config that asks for encryption', () => {
  let mock: MockCluster
  before(async () => {
    mock = await startMock()
    await mock.produceRaw('plain', recordsOf({ path: 'a.csv', content: Buffer.from('1') }))
    await mock.produceRaw('secret', [
      { partition: 0, key: 'k', value: Buffer.concat([Buffer.of(1), Buffer.alloc(99)]) },
    ])
  })
  after(async () => await mock.end())

  const cwdWith = (t: Parameters<typeof folder>[0], section: string) =>
    folder(t, {
      'dfsp.config': `${section}[broker]\nbootstrap.servers = ${mock.brokers}\n`,
      'data/secret.csv': 'secret',
      'p.mjs':
        "export default async (file, ctx) => { await ctx.produce({ topic: 'sent', value: 'secret' }); return null }\n",
    })

  for (const [name, section] of Object.entries(ASKING))
    test(`${name}: whatever sends, or may, ends with 78 and sends nothing`, async t => {
      const cwd = cwdWith(t, section)
      for (const argv of [
        ['upload', 'data', '-t', 'sent'],
        ['upload', 'data', '-t', 'sent', '--watch'],
        ['upload', 'data', '-t', 'sent', '--dry-run'],
        ['run', '-p', './p.mjs', '-t', 'plain', '--until-end'],
        ['run', '-p', 'save', '-t', 'plain', '--until-end', '--heartbeat-topic', 'sent'],
        ['run', '-p', 'save', '-t', 'plain', '--until-end', '--log-topic', 'sent', '--dlq', 'sent'],
        ['run', '-p', 'save', '-t', 'plain', '--dry-run'],
        ['replay', '-p', './p.mjs', '-t', 'plain', '--yes'],
        ['retry', '-p', './p.mjs', '--dlq', 'plain', '--yes'],
        ['retry', '-p', './p.mjs', '-t', 'plain', '-g', 'g', '--yes'],
        ['config', 'check'],
      ]) {
        const { exit, error } = await dfsp(argv, cwd)
        assert.deepEqual([argv, error?.code, exit], [argv, 'E_ENCRYPTION', 78])
        assert.match(
          error?.message ?? '',
          /^dfsp\.config:\d+: \[.+\] asks for encryption, which is not built in/,
        )
      }
      assert.deepEqual(await readAll(mock.brokers, 'sent'), [])
    })

  test('ls, get and status read what can be read, and say so', async t => {
    const cwd = cwdWith(t, ASKING['a node'] as string)
    const note = /^note dfsp\.config:1: \[kafkacrypto\]: dfsp does not decrypt/
    const ls = await dfsp(['ls', '-t', 'plain'], cwd)
    assert.match(ls.stderr, note)
    assert.match(ls.stdout, /a\.csv/)
    const get = await dfsp(['get', '-t', 'secret', 'x.csv', '-o', 'out'], cwd)
    assert.equal(get.exit, 3)
    assert.match(get.stderr, note)
    assert.match(get.stdout, /nothing on the topic matches it; 1 of 1 records cannot be read: .*KafkaCrypto/)
    assert.match((await dfsp(['config', 'show'], cwd)).stderr, note)
  })

  test('config check --connect says so in the line of the config, and goes on', async t => {
    const cwd = cwdWith(t, ASKING['a node'] as string)
    const { exit, stdout } = await dfsp(['config', 'check', '--connect'], cwd)
    assert.equal(exit, 78)
    assert.match(stdout, /^FAIL config +dfsp\.config:1: \[kafkacrypto\] .*\[E_ENCRYPTION\]$/m)
    assert.match(stdout, /^ok {3}broker/m)
  })
})

test("other sections of a plugin's own ask for nothing", async t => {
  const cwd = folder(t, { 'dfsp.config': '[crystals]\nnode_id = 3\n[DEFAULT]\nnode_id = 4\n' })
  assert.equal((await dfsp(['config', 'check'], cwd)).exit, 0)
})

test("a producer's properties are had by producerProperties alone, which refuses", () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts'))
  const readers = sources.filter(file => /kafka\.producer\b/.test(readFileSync(join('src', file), 'utf8')))
  // Names of topics and groups for a shell: nothing is sent.
  assert.deepEqual(readers.sort(), ['cli/help/completions.ts', 'config/encryption.ts'])
})
