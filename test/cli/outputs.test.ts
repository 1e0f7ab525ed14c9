/** Commands that only look, where stdout has no reader or no room. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { test } from 'node:test'
import { CLEAN, PROGRAM } from '../support/cli.ts'

interface Ended {
  readonly status: number | null
  readonly stderr: string
}

function run(args: readonly string[], stdout: 'full' | 'unread'): Promise<Ended> {
  const full = stdout === 'full' ? fs.openSync('/dev/full', 'w') : undefined
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: CLEAN,
    stdio: ['ignore', full ?? 'pipe', 'pipe'],
  })
  if (full !== undefined) fs.closeSync(full)
  child.stdout?.destroy()
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  return new Promise(resolve => child.once('close', status => resolve({ status, stderr })))
}

for (const args of [['help'], ['help', 'E_KAFKA'], ['run', '--help'], ['--version']]) {
  test(`dfsp ${args.join(' ')} ends quietly where nobody reads`, async () => {
    assert.deepEqual(await run(args, 'unread'), { status: 0, stderr: '' })
  })

  test(`dfsp ${args.join(' ')} fails where what it prints is lost`, {
    skip: !fs.existsSync('/dev/full'),
  }, async () => {
    const { status, stderr } = await run(args, 'full')
    assert.equal(status, 73)
    assert.match(stderr, /^dfsp: stdout cannot be written: ENOSPC.* \[E_OUTPUT\]\n$/)
  })
}

for (const stdout of ['full', 'unread'] as const)
  test(`an error keeps its status, whatever became of stdout (${stdout})`, {
    skip: !fs.existsSync('/dev/full'),
  }, async () => {
    const { status, stderr } = await run(['ls', '--nonsense', '--json'], stdout)
    assert.equal(status, 2)
    assert.match(stderr, /\[E_USAGE\]/)
  })

test('a check keeps its status where nobody reads what it says', async () => {
  const args = ['config', 'check', '--connect', '-b', '127.0.0.1:1', '-t', 'x', '-g', 'g']
  assert.equal((await run(args, 'unread')).status, 69)
})

test('a check whose words are lost on a full disk keeps its status, and says so', {
  skip: !fs.existsSync('/dev/full'),
}, async () => {
  const args = ['config', 'check', '--connect', '-b', '127.0.0.1:1', '-t', 'x', '-g', 'g']
  const { status, stderr } = await run(args, 'full')
  assert.equal(status, 69)
  assert.equal(stderr.match(/stdout cannot be written, it goes on without: ENOSPC/g)?.length, 1, stderr)
})
