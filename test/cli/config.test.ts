import assert from 'node:assert/strict'
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dfsp, folder } from './world.ts'

const FILE = `[broker]
bootstrap.servers = lab1:9092
sasl.password = $LAB_PW
[consumer]
fetch.min.bytes = 100000
[dfsp]
threads = 4
[s3]
secret_key_id = s3cret
region = eu
`

test('check counts what is set and tells what is odd', async t => {
  const cwd = folder(t, { 'dfsp.config': `${FILE}[producr]\n` })
  const { exit, stdout } = await dfsp(['config', 'check'], cwd, { LAB_PW: 'p' })
  assert.equal(exit, 0)
  assert.equal(
    stdout,
    `note dfsp.config:11: section [producr] is left to the plugin; did you mean "producer"?\nok   ${join(cwd, 'dfsp.config')} (7 settings)\n`,
  )
})

test('check counts what the file sets apart from what variables and flags do', async t => {
  const cwd = folder(t, { 'dfsp.config': '[dfsp]\ntopic = a\n' })
  const alone = await dfsp(['config', 'check'], cwd)
  assert.match(alone.stdout, /dfsp\.config \(1 setting\)\n$/)
  const more = await dfsp(['config', 'check', '-X', 'acks=1'], cwd, { DFSP_GROUP: 'g' })
  assert.match(more.stdout, /dfsp\.config \(1 setting; 2 more by flags and variables\)\n$/)
})

test('check reports what is wrong in the named file with 78', async t => {
  const cwd = folder(t, { 'other.config': '[consumer]\nfetch.min.byte = 1\n' })
  const { exit, error } = await dfsp(['config', 'check', 'other.config'], cwd)
  assert.equal(exit, 78)
  assert.equal(error?.message, 'other.config:2: unknown property "fetch.min.byte" in [consumer]')
  assert.equal(error?.next, 'did you mean "fetch.min.bytes"?')
})

test('check without a file ends with 66', async t => {
  const { exit, error } = await dfsp(['config', 'check'], folder(t))
  assert.deepEqual([exit, error?.next], [66, 'dfsp init config'])
})

test('show masks secrets, --reveal does not', async t => {
  const cwd = folder(t, { 'dfsp.config': FILE })
  const masked = (await dfsp(['config', 'show'], cwd, { LAB_PW: 'p4ss' })).stdout
  assert.match(masked, /^sasl.password = \*{8}$/m)
  assert.match(masked, /^secret_key_id = \*{8}$/m)
  assert.doesNotMatch(masked, /p4ss|s3cret/)
  const clear = (await dfsp(['config', 'show', '--reveal'], cwd, { LAB_PW: 'p4ss' })).stdout
  assert.match(clear, /^sasl.password = p4ss$/m)
})

test('show --origin names flag, variable, line or default', async t => {
  const cwd = folder(t, { 'dfsp.config': FILE })
  const argv = ['config', 'show', '--origin', '-b', 'lab2:9092', '-X', 'linger.ms=7']
  const { stdout } = await dfsp(argv, cwd, { LAB_PW: 'p', DFSP_RETRIES: '2' })
  const lines = stdout.split('\n').map(line => line.replace(/ +# /, ' # '))
  for (const line of [
    'brokers = lab2:9092 # flag',
    'bootstrap.servers = lab2:9092 # flag',
    'retries = 2 # env DFSP_RETRIES',
    'threads = 4 # dfsp.config:7',
    'mode = memory # default',
    'sasl.password = ******** # dfsp.config:3',
    'linger.ms = 7 # flag',
    'region = eu # dfsp.config:10',
  ]) {
    assert.ok(lines.includes(line), line)
  }
})

test('show --json has an object for each setting', async t => {
  const cwd = folder(t, { 'dfsp.config': FILE })
  const { stdout } = await dfsp(['config', 'show', '--json'], cwd, { LAB_PW: 'p' })
  const settings = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    settings.find(({ name }) => name === 'fetch.min.bytes'),
    {
      v: 1,
      type: 'setting',
      section: 'consumer',
      name: 'fetch.min.bytes',
      value: '100000',
      origin: 'dfsp.config:5',
    },
  )
})

test('what show prints is a config file that means the same', async t => {
  const first = await dfsp(['config', 'show', '--reveal'], folder(t, { 'dfsp.config': FILE }), {
    LAB_PW: 'p',
  })
  const second = await dfsp(['config', 'show', '--reveal'], folder(t, { 'dfsp.config': first.stdout }))
  assert.equal(second.stdout, first.stdout)
})

test('path prints the file that is read', async t => {
  const cwd = folder(t, { 'a.config': FILE })
  const { stdout } = await dfsp(['config', 'path', '-c', 'a'], cwd, { LAB_PW: 'p' })
  assert.equal(realpathSync(stdout.trim()), realpathSync(join(cwd, 'a.config')))
})

test('--env-file sets what is not set', async t => {
  const cwd = folder(t, { 'dfsp.config': FILE, 'lab.env': 'LAB_PW=from-file\nDFSP_RETRIES=9\n' })
  const env = { DFSP_RETRIES: '2' }
  const { stdout } = await dfsp(['config', 'show', '--reveal', '--env-file', 'lab.env'], cwd, env)
  assert.match(stdout, /^sasl.password = from-file$/m)
  assert.match(stdout, /^retries = 2$/m)
  assert.equal((await dfsp(['config', 'show', '--env-file', 'none'], cwd)).exit, 66)
})

test('--env-file warns of a value that ends at a "#" without quotes, and of no comment', async t => {
  const text = `export A=ab#cd\nB=#x\nC='ab#cd'\nD=ab # cd\nE= # cd\n# F=a#b\nG="x" #y\n H = a b#c\n`
  const cwd = folder(t, { 'dfsp.config': '[dfsp]\ntopic = x\n', 'lab.env': text })
  const { stderr } = await dfsp(['config', 'show', '--env-file', 'lab.env'], cwd)
  assert.deepEqual(
    [...stderr.matchAll(/--env-file lab\.env: the value of (\w) ends at its "#": put it in quotes/g)].map(
      m => m[1],
    ),
    ['A', 'B', 'H'],
  )
  assert.doesNotMatch(stderr, /ab#|cd/)
})

test('an unknown action brings the nearest', async t => {
  assert.equal((await dfsp(['config', 'chek'], folder(t))).error?.next, 'did you mean "check"?')
})
