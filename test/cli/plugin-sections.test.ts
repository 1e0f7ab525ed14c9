import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { folder } from './world.ts'

const PLUGIN = `export default () => null
export function setup(ctx) {
  for (const name of ['broker', 'Broker', 'broker-lab2', 'consumer', 'producr', 'admin', 'kafkacrypto', 'log', 'dfsp', 's3', 'my own'])
    console.log('section ' + name + ' ' + JSON.stringify(ctx.config.section(name)))
  console.log('own ' + JSON.stringify(ctx.config))
}
`
const login = (section: string) => `[${section}]\nsasl.password = s3cret\n`
const CONFIG = [
  '[DEFAULT]\nsasl.username = lab\nssl.key.password = s3cret\nunit = mm\n',
  ...['broker', 'consumer'].map(login),
  '[Broker]\nx = s3cret\n[broker-lab2]\nx = s3cret\n[producr]\nx = s3cret\n[admin]\nx = s3cret\n',
  '[log]\nsasl.password = s3cret\n[dfsp]\nretries = 1\n[plugin]\ncolumn = 2\n[s3]\nsecret_key_id = mine\n[my own]\ntoken = mine\n',
].join('')

test("a plugin reads its own sections, and none that holds dfsp's logins", async t => {
  const cwd = folder(t, { 'dfsp.config': CONFIG, 'p.mjs': PLUGIN, 'x.csv': '1' })
  const { stderr, code } = await runCli(['try', './p.mjs', 'x.csv'], { cwd })
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(stderr, /s3cret/)
  for (const name of ['broker', 'Broker', 'broker-lab2', 'consumer', 'producr', 'admin', 'log', 'dfsp'])
    assert.match(stderr, new RegExp(`section ${name} \\{\\}`))
  assert.match(stderr, /section s3 \{.*"secret_key_id":"mine"/)
  assert.match(stderr, /section my own \{.*"token":"mine"/)
  assert.match(stderr, /own \{.*"column":"2"/)
})
