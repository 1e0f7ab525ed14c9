/** A broker that takes connections and never answers: no call outlasts a signal by more than a moment. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { CLEAN, PROGRAM } from '../support/cli.ts'
import { makeTree, removeTree } from '../support/trees.ts'

const PLUGIN = ['-p', './p.mjs', '-o', 'out']
const CALLS = [
  'ls -t x',
  'get ** -t x -o out',
  `replay -t x --yes ${PLUGIN.join(' ')}`,
  'retry --dlq x --dry-run',
  `retry --dlq x --yes ${PLUGIN.join(' ')}`,
  'status -t x -g g',
  'config check --connect -t x -g g -c dfsp.config',
  `run -t x --dry-run ${PLUGIN.join(' ')}`,
]
/** The connection alone is tried for ten seconds. */
const MOMENT_MS = 6_000

describe('a silent broker', { concurrency: 2 }, () => {
  for (const call of CALLS)
    test(`SIGTERM ends dfsp ${call}`, { timeout: 60_000 }, async t => {
      const cwd = makeTree({ 'p.mjs': 'export default () => null\n', 'dfsp.config': '' })
      t.after(() => removeTree(cwd))
      const server = createServer(socket => socket.on('error', () => {}))
      t.after(() => server.close())
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      const args = [PROGRAM, ...call.split(' '), '-b', `127.0.0.1:${port}`]
      const child = spawn(process.execPath, args, { cwd, env: CLEAN, stdio: 'ignore' })
      t.after(() => child.kill('SIGKILL'))
      const ended = once(child, 'exit')
      // Of the client: what else is asked is asked beside it.
      await Promise.race([once(server, 'connection'), ended])
      const since = performance.now()
      child.kill('SIGTERM')
      const [code, signal] = await ended
      const ms = performance.now() - since
      assert.deepEqual([code, signal], [143, null])
      assert.ok(ms < MOMENT_MS, `it took ${Math.round(ms)} ms`)
    })
})
