/** Completion, as the shells themselves ask for it, and what it must not do: be slow, talk, or load the client. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCli } from '../support/cli.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { freePorts } from '../support/ports.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/dfsp.js', import.meta.url))
const missing = (shell: string) =>
  spawnSync(shell, ['-c', 'true']).status === 0 ? false : `no ${shell} on this machine`

describe('completion', () => {
  let folder: string
  let mock: MockCluster
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dfsp-completion-'))
    mkdirSync(join(folder, 'bin'))
    symlinkSync(PROGRAM, join(folder, 'bin', 'dfsp'))
    mock = await startMock()
    for (const topic of ['xrd-raw', 'xrd-sums'])
      await mock.produceRaw(topic, [{ partition: 0, key: null, value: Buffer.from('x') }])
    writeFileSync(join(folder, 'dfsp.config'), `[broker]\nbootstrap.servers = ${mock.brokers}\n`)
    writeFileSync(join(folder, 'my plot.ts'), '')
  })
  after(async () => {
    await mock.end()
    rmSync(folder, { recursive: true })
  })
  const at = async (...words: string[]) => {
    const { code, stdout, stderr } = await runCli(['__complete', ...words], { cwd: folder })
    assert.deepEqual([code, stderr], [0, ''])
    return stdout.split('\n').filter(Boolean)
  }
  /** Whoever presses Tab is not kept waiting for a broker that is slow: then there is nothing, and Tab is pressed again. */
  const pressed = async (ask: () => string[] | Promise<string[]>) => {
    for (;;) {
      const found = await ask()
      if (found.length > 0) return found
    }
  }
  const shell = (program: string, script: string) => {
    const env = { HOME: folder, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`, TERM: 'dumb' }
    const args =
      program === 'bash'
        ? ['--norc', '-c', script]
        : program === 'zsh'
          ? ['-f', '-c', script]
          : ['-N', '-c', script]
    const { stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' })
    assert.equal(stderr, '')
    return stdout.split('\n').filter(Boolean)
  }

  test('commands, flags, choices and words of each command', async () => {
    assert.deepEqual(await at('up'), ['upload'])
    assert.deepEqual(await at('run', '--on-'), ['--on-error', '--on-incomplete'])
    assert.deepEqual(await at('run', '--on-error', ''), ['hold', 'dlq', 'skip', 'stop'])
    assert.deepEqual(await at('run', '-p', 's'), [':files', 's3', 'save'])
    assert.deepEqual(await at('init', 's'), ['systemd'])
    assert.deepEqual(await at('help', 'E_GR'), ['E_GROUP_BUSY'])
    assert.deepEqual(await at('upload', ''), [':files'])
    assert.deepEqual(await at('nonsense', ''), [])
  })

  test('the value behind =, as one word or as the three that bash makes of it', async () => {
    assert.deepEqual(await at('run', '--on-error=s'), ['--on-error=skip', '--on-error=stop'])
    assert.deepEqual(await at('run', '--on-error', '=', 's'), ['skip', 'stop'])
    assert.deepEqual(await at('run', '--on-error', '='), ['hold', 'dlq', 'skip', 'stop'])
    assert.deepEqual(await at('run', '--on-error=hold', '--on-i'), ['--on-incomplete'])
  })

  test('the own options of a plugin that the line names, and their choices', async () => {
    const declared = "{ 'colour-map': { type: 'string', choices: ['hot', 'grey'] } }"
    writeFileSync(
      join(folder, 'own.mjs'),
      `console.log('loaded')\nexport const options = ${declared}\nexport default () => null\n`,
    )
    assert.deepEqual(await at('run', '-p', './own.mjs', '--co'), ['--config', '--colour-map'])
    assert.deepEqual(await at('run', '-p', './own.mjs', '--colour-map', ''), ['hot', 'grey'])
    assert.deepEqual(await at('try', './own.mjs', '--colour-map', 'h'), ['hot'])
    assert.deepEqual(await at('run', '-p', './absent.mjs', '--co'), ['--config'])
    assert.deepEqual(await at('run', '--co'), ['--config'])
  })

  test('topics of the broker that the config file names', async () => {
    const found = await pressed(() => at('run', '-p', './plot.ts', '-t', 'xrd-'))
    assert.deepEqual(found.sort(), ['xrd-raw', 'xrd-sums'])
  })

  test('a broker that is away, a config file that is wrong: nothing, and not a word', async () => {
    assert.deepEqual(await at('run', '-b', `127.0.0.1:${await freePorts(1)}`, '-t', ''), [])
    assert.deepEqual(await at('run', '-c', 'absent.config', '-t', ''), [])
    assert.deepEqual(await at('run', '-X', 'nonsense=1', '-g', ''), [])
  })

  test('in bash: commands, topics, and names of files with blanks', { skip: missing('bash') }, async () => {
    const ask = (...words: string[]) =>
      shell(
        'bash',
        `source <(dfsp completion bash); compopt() { :; }
         COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
         _dfsp; printf '%s\\n' "\${COMPREPLY[@]}"`,
      )
    assert.deepEqual(ask('dfsp', 'comp'), ['completion'])
    assert.deepEqual(await pressed(() => ask('dfsp', 'run', '-t', 'xrd-r')), ['xrd-raw'])
    assert.deepEqual(ask('dfsp', 'run', '-p', 'my'), ['my plot.ts'])
  })

  test('in zsh', { skip: missing('zsh') }, () => {
    const asked = shell(
      'zsh',
      `compdef() { :; }; compadd() { shift; print -l -- "$@" }; _files() { print FILES }
       source <(dfsp completion zsh)
       words=(dfsp run --on-error ''); CURRENT=4; _dfsp
       words=(dfsp run -p s); CURRENT=4; _dfsp`,
    )
    assert.deepEqual(asked, ['hold', 'dlq', 'skip', 'stop', 'FILES', 's3', 'save'])
  })

  test('in fish', { skip: missing('fish') }, () => {
    const ask = (line: string) =>
      shell('fish', `dfsp completion fish | source; complete -C '${line}'`).map(text => text.split('\t')[0])
    assert.deepEqual(ask('dfsp comp'), ['completion'])
    assert.deepEqual(ask('dfsp run --on-error s'), ['skip', 'stop'])
    assert.deepEqual(ask('dfsp upload my'), ['my plot.ts'])
  })

  test('the client is loaded for topics and groups only', async () => {
    const watch = join(folder, 'watch.mjs')
    writeFileSync(
      watch,
      "process.on('exit', () => process.stdout.write(process.report.getReport().sharedObjects.filter(p => /librdkafka|confluent/.test(p)).length > 0 ? 'LOADED' : 'not'))\n",
    )
    const loaded = async (...words: string[]) =>
      (await runCli(['__complete', ...words], { cwd: folder, env: { NODE_OPTIONS: `--import ${watch}` } }))
        .stdout
    assert.match(await loaded('run', '--'), /not$/)
    assert.match(await loaded('help', ''), /not$/)
    assert.match(await loaded('run', '-t', ''), /LOADED$/)
  })
})
