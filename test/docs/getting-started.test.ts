/**
 * Does what docs/getting-started.md says, in its order. A line of an `sh` block is a command; `# exit N` behind it is
 * its status, else 0. A `text` block is part of what the block before it printed, but for figures.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Cli, startCli } from '../support/cli.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = readFileSync(join(ROOT, 'docs', 'getting-started.md'), 'utf8')
/** `console` blocks: the global install, which test/real/package.test.ts does, and the address, which is another here. */
const NOT_RUN = ['npm run setup', 'npm install --global .', 'export DFSP_BROKERS=127.0.0.1:44561']

test('every command of docs/getting-started.md does what the page says', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'dfsp-page-'))
  mkdirSync(join(folder, 'bin'))
  mkdirSync(join(folder, 'work'))
  symlinkSync(join(ROOT, 'bin', 'dfsp.js'), join(folder, 'bin', 'dfsp'))
  const env: NodeJS.ProcessEnv = {
    HOME: folder,
    PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`,
    TMPDIR: folder,
  }
  let holder: Cli | undefined
  t.after(async () => {
    holder?.kill('SIGINT')
    await holder?.done
    rmSync(folder, { recursive: true })
  })
  let printed = ''
  let commands = 0
  for (const [, kind, body = ''] of PAGE.matchAll(/^```(\S+(?: \S+)?)\n([\s\S]*?)^```$/gm)) {
    const lines = body.split('\n').filter(Boolean)
    if (kind === 'sh background') {
      assert.deepEqual(lines, ['dfsp demo --hold'])
      holder = startCli(['demo', '--hold'], { timeoutMs: 800_000 })
      env.DFSP_BROKERS = (await holder.waitFor(/^BROKERS=(\S+)$/m))[1]
    } else if (kind === 'console') {
      for (const line of lines) assert.ok(NOT_RUN.includes(line), line)
    } else if (kind === 'sh') {
      printed = ''
      for (const line of lines) {
        commands++
        const [command = '', comment = ''] = line.split(/\s+# /)
        const expected = Number(/^exit (\d+)/.exec(comment)?.[1] ?? 0)
        const done = spawnSync('bash', ['-c', command], { cwd: join(folder, 'work'), env, encoding: 'utf8' })
        assert.equal(done.status, expected, `${command}\n${done.stdout}${done.stderr}`)
        printed += done.stdout + done.stderr
      }
    } else if (kind === 'text') {
      const all = printed.split('\n').map(withoutFigures)
      for (const line of lines)
        assert.ok(all.includes(withoutFigures(line)), `"${line}" is not in\n${printed}`)
    } else assert.fail(`a block of kind ${kind}`)
  }
  assert.ok(commands > 10)
})

/** Times and sizes differ from run to run; columns move with them. */
function withoutFigures(line: string): string {
  return line.replaceAll(/\d+/g, '0').replaceAll(/ +/g, ' ').trimEnd()
}
