/** An account without a home, as a container's bare uid: the system knows none, and HOME is not set. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { folder } from './world.ts'

const HOMELESS = `data:text/javascript,${encodeURIComponent(
  "import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module'; os.homedir = os.userInfo = () => { throw new Error('ENOENT') }; syncBuiltinESMExports()",
)}`
const env = {
  NODE_OPTIONS: `--import ${HOMELESS}`,
  XDG_CONFIG_HOME: undefined,
  XDG_STATE_HOME: undefined,
  STATE_DIRECTORY: undefined,
}

for (const HOME of [undefined, '', 'relative'])
  test(`without a home (HOME ${HOME === undefined ? 'unset' : `"${HOME}"`}) everything works that needs none`, async t => {
    const cwd = folder(t, { 'p.mjs': 'export default () => null\n', 'x.csv': '1' })
    const dfsp = (...args: string[]) => runCli(args, { cwd, env: { ...env, HOME } })
    assert.equal((await dfsp('config', 'show')).code, 0)
    assert.equal((await dfsp('try', './p.mjs', 'x.csv')).code, 0)
    const watch = await dfsp('upload', 'x.csv', '--watch', '-t', 'x', '-b', '127.0.0.1:1')
    assert.match(watch.stderr, /no folder in which to note what was sent \[E_USAGE\]\n.*XDG_STATE_HOME/)
    const units = await dfsp('init', 'systemd', 'p', '--user', '--install')
    assert.match(units.stderr, /no folder for units of this account, which has no home \[E_USAGE\]/)
  })

test('what the system says of a home is asked at one place', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts'))
  const asking = sources.filter(f => /\b(homedir|userInfo)\b/.test(readFileSync(join('src', f), 'utf8')))
  assert.deepEqual(asking, ['base/home.ts'])
})
