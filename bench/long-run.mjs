// `dfsp run` without an end, with a plugin that does nothing.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Resolves once it reads. `lines`: what it has said on stdout (--json). */
export async function startRun(bootstrap, topic) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-bench-long-'))
  fs.writeFileSync(path.join(work, 'plugin.mjs'), 'export default () => null\n')
  const bin = process.env.DFSP_BIN ?? fileURLToPath(new URL('../bin/dfsp.js', import.meta.url))
  const flags = ['run', '-p', './plugin.mjs', '-b', bootstrap, '-t', topic, '-g', path.basename(work)]
  const child = spawn(process.execPath, [bin, ...flags, '--json'], {
    cwd: work,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = new Promise(resolve => child.once('close', resolve))
  const lines = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    const parts = (rest + text).split('\n')
    rest = parts.pop()
    // Of the files only the summary at the end is of use.
    lines.push(...parts.filter(line => !line.includes('"type":"file"')))
  })
  let said = ''
  await new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', text => {
      said = (said + text).slice(-10_000)
      if (text.includes('reading')) resolve()
    })
    child.once('close', () => reject(new Error(said)))
  })
  return {
    pid: child.pid,
    lines,
    async end() {
      child.kill('SIGTERM')
      await ended
      process.removeListener('exit', kill)
      fs.rmSync(work, { recursive: true, force: true })
    },
  }
}
