import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCli, startCli } from './cli.ts'

let folder: string
let program: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfsp-cli-'))
  program = join(folder, 'program.mjs')
  await writeFile(
    program,
    `process.on('SIGTERM', () => process.exit(7))
     if (process.argv[2] === 'echo') process.stdin.on('data', data => console.log(process.env.WORD + ' ' + data))
     else setInterval(() => console.error('up'), 20)`,
  )
})
after(() => rm(folder, { recursive: true }))

test('gives arguments, environment and stdin, returns output and status', async () => {
  const result = await runCli(['echo'], { program, env: { WORD: 'hello' }, stdin: 'world' })
  assert.deepEqual(result, { code: 0, signal: null, stdout: 'hello world\n', stderr: '' })
})

test('waits for output and passes signals on', async () => {
  const cli = startCli([], { program })
  await cli.waitFor(/up/)
  cli.kill('SIGTERM')
  assert.equal((await cli.done).code, 7)
  await assert.rejects(cli.waitFor(/never/), /ended without \/never\/.*up/s)
})

test('kills a program that takes too long and shows its output', async () => {
  await assert.rejects(runCli([], { program, timeoutMs: 5_000 }), /still running after 5000 ms.*up/s)
})
