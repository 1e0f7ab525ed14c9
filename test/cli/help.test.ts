import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR_HELP } from '../../src/cli/error-help.ts'
import { EXIT_CODES } from '../../src/errors.ts'
import { dfsp, folder } from './world.ts'

test('help exit-codes prints the one table', async t => {
  const { exit, stdout } = await dfsp(['help', 'exit-codes'], folder(t))
  assert.equal(exit, 0)
  for (const [status, meaning] of Object.entries(EXIT_CODES)) {
    assert.ok(stdout.includes(`${status.padStart(4)}  ${meaning}\n`), status)
  }
})

test('every error code is explained, in any case, with its exit status', async t => {
  const cwd = folder(t)
  for (const [code, text] of Object.entries(ERROR_HELP)) {
    const { stdout } = await dfsp(['help', code.toLowerCase()], cwd)
    assert.match(stdout, new RegExp(`^${code} \\(exit \\d+\\)\n`))
    assert.ok(stdout.includes(text))
  }
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
