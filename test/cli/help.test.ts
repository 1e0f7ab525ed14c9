import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXIT_CODES } from '../../src/base/errors.ts'
import { ERROR_HELP } from '../../src/cli/help/error-help.ts'
import { HELP_TOPICS } from '../../src/cli/help/help-topics.ts'
import { OPTIONS } from '../../src/config/options/options.ts'
import { dfsp, folder } from './world.ts'

test('help exit-codes prints the one table', async t => {
  const { exit, stdout } = await dfsp(['help', 'exit-codes'], folder(t))
  assert.equal(exit, 0)
  const flowing = stdout.replaceAll(/\n {7}/g, ' ')
  for (const [status, meaning] of Object.entries(EXIT_CODES))
    assert.ok(flowing.includes(`${status.padStart(4)}   ${meaning}\n`), status)
})

test('every error code has a page, found in any case: meaning, causes, what to look at and to do, an example', async t => {
  const cwd = folder(t)
  for (const [code, page] of Object.entries(ERROR_HELP)) {
    const { stdout } = await dfsp(['help', code.toLowerCase()], cwd)
    assert.match(
      stdout,
      /^\w+: .* \(exit \d+\)\n\n.*\n\nCauses:\n {2}- .*\n\nLook:\n {2}\S.*\n\nDo:\n {2}- .*\n\nExample:\n {2}\S/s,
    )
    assert.ok(stdout.startsWith(`${code}: ${page.title} (exit `), code)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 110, line)
  }
})

test('help errors lists every code with its exit status, help topics every topic', async t => {
  const cwd = folder(t)
  const { stdout } = await dfsp(['help', 'errors'], cwd)
  assert.deepEqual(
    stdout.match(/^ {2}E_\w+/gm)?.map(code => code.trim()),
    Object.keys(ERROR_HELP),
  )
  const listed = (await dfsp(['help', 'topics'], cwd)).stdout
  for (const [name, { text }] of Object.entries(HELP_TOPICS)) {
    assert.match(listed, new RegExp(`^  ${name} `, 'm'))
    assert.equal((await dfsp(['help', name], cwd)).stdout, text)
    for (const line of text.split('\n')) assert.ok(line.length <= 80, `${name}: ${line}`)
  }
})

test('flags and commands in help pages exist', async t => {
  const flags = new Set(Object.keys(OPTIONS))
  const pages = [
    ...Object.values(HELP_TOPICS).map(({ text }) => text),
    ...Object.values(ERROR_HELP).map(page => [page.look, page.mend].flat(2).join('\n')),
  ].join('\n')
  for (const [, line = ''] of pages.matchAll(
    /\bdfsp ((?:run|upload|retry|try|config|init|status|ls|get)\b[^\n;,]*)/g,
  )) {
    for (const [, flag = ''] of line.matchAll(/(?<=\s)--([a-z][\w-]+)/g))
      assert.ok(
        flags.has(flag) || ['help', 'plugin', 'bucket', 'column'].includes(flag),
        `--${flag} in dfsp ${line}`,
      )
  }
  assert.ok((await dfsp(['help'], folder(t))).stdout.includes('dfsp help TOPIC:'))
})

test('help of a command is what its --help says', async t => {
  const cwd = folder(t)
  const { stdout } = await dfsp(['help', 'config'], cwd)
  assert.equal((await dfsp(['config', '--help'], cwd)).stdout, stdout)
  assert.match(stdout, /^dfsp config ACTION \[FILE\] \[options\]\n/)
})

test('an unknown topic brings the nearest', async t => {
  assert.equal((await dfsp(['help', 'E_NO_BROKR'], folder(t))).error?.next, 'did you mean "E_NO_BROKER"?')
})
