/**
 * Runs a command that must not outlive the process which wanted it, however that one ends (kill -9 included):
 * when the parent's channel closes, the command's process group is killed and its folder removed.
 *
 *     fork('guard.mjs', [folder or '', command, ...args])
 */

import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'

const [folder, command, ...args] = process.argv.slice(2)

// Its own process group, to be killed as one. Ctrl-C in the terminal reaches the parent alone.
const child = spawn(command, args, { stdio: 'inherit', detached: true })

child.once('spawn', () => process.send({ pid: child.pid }))
child.once('error', error => process.send({ error: error.message }))
child.once('exit', (code, signal) => {
  if (process.connected) process.send({ code, signal }, () => process.disconnect())
})

process.once('disconnect', () => {
  if (child.exitCode !== null || child.signalCode !== null) process.exit()
  child.once('exit', () => {
    if (folder) rmSync(folder, { recursive: true, force: true })
    process.exit()
  })
  process.kill(-child.pid, 'SIGKILL')
})
