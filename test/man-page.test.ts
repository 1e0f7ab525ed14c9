/** The man page that the build writes. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { COMMANDS } from '../src/config/options/option-spec.ts'
import { OPTIONS } from '../src/config/options/options.ts'

const PAGE = fileURLToPath(new URL('../man/dfsp.1', import.meta.url))
const noMan = spawnSync('man', ['--version']).status === 0 ? false : 'no man on this machine'

test('man shows every command, option and exit status without a warning', { skip: noMan }, () => {
  const { status, stdout, stderr } = spawnSync(
    'man',
    ['--warnings', '-E', 'UTF-8', '-P', 'cat', '-l', PAGE],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, MANWIDTH: '100', MAN_KEEP_FORMATTING: '', LC_ALL: 'C.UTF-8' },
    },
  )
  assert.deepEqual([status, stderr], [0, ''])
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {3}dfsp ${command}\\b`, 'm'))
  for (const option of Object.keys(OPTIONS))
    assert.match(stdout, new RegExp(`^ +(-\\w, )?--${option}\\b`, 'm'))
  assert.match(stdout, /^ +75\s+try\s+again\s+later/m)
  assert.match(stdout, /^SERVICES\n/m)
})
