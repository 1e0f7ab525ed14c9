/** A call whose work is done in one child process after the other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startCli } from '../support/cli.ts'
import { until } from '../support/until.ts'

const program = fileURLToPath(import.meta.resolve('../fixtures/renewed-call.ts'))

async function started(...args: string[]) {
  const cli = startCli(args, { program, env: { NODE_OPTIONS: '--import tsx' } })
  const [, pid] = await cli.waitFor(/turn 3 of (\d+)/)
  return { cli, pid: Number(pid) }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a child that has grown is followed by another; a stop is handed on, and the exit status is the last one’s', async () => {
  const { cli } = await started()
  cli.kill('SIGINT')
  const { code, stdout } = await cli.done
  assert.equal(code, 7)
  assert.match(stdout, /asked to stop by SIGINT/)
})

test('a signal that reaches both is one stop', async () => {
  const { cli, pid } = await started()
  process.kill(pid, 'SIGTERM')
  cli.kill('SIGTERM')
  const { code, stdout } = await cli.done
  assert.equal(code, 7)
  assert.equal(stdout.match(/asked to stop/g)?.length, 1)
})

test('a second signal ends both at once', async () => {
  const { cli, pid } = await started('stubborn')
  cli.kill('SIGTERM')
  await cli.waitFor(/asked to stop by SIGTERM/)
  cli.kill('SIGTERM')
  assert.equal((await cli.done).signal, 'SIGTERM')
  await until(() => !isAlive(pid))
})

test('a child whose parent is killed stops in order, and a parent whose child is killed ends as it did', async () => {
  const orphaned = await started()
  orphaned.cli.kill('SIGKILL')
  assert.match((await orphaned.cli.done).stdout, /asked to stop by SIGTERM/)
  await until(() => !isAlive(orphaned.pid))
  const bereft = await started()
  process.kill(bereft.pid, 'SIGKILL')
  assert.equal((await bereft.cli.done).signal, 'SIGKILL')
})
