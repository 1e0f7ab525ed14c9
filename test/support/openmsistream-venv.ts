import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './cache.ts'

export const OPENMSISTREAM_VERSION = '1.8.8'

const run = promisify(execFile)

/**
 * The `bin` folder of a Python environment with OpenMSIStream, installed on first use (about 30 s).
 * Rejects with the reason when Python, a system library or the package index is missing.
 */
export async function openMSIStreamBin(): Promise<string> {
  const folder = cacheFolder(`openmsistream-${OPENMSISTREAM_VERSION}`)
  const current = join(folder, 'venv')
  const bin = join(current, 'bin')
  if (existsSync(bin)) return bin

  const own = join(folder, `venv-${process.pid}`)
  await mustRun('python3', ['-m', 'venv', own], 'OpenMSIStream needs Python with venv (Debian: python3-venv)')
  try {
    const python = join(own, 'bin', 'python')
    const release = `openmsistream==${OPENMSISTREAM_VERSION}`
    await mustRun(python, ['-m', 'pip', 'install', '-q', release], `pip could not install ${release}`)
    await mustRun(
      python,
      ['-c', 'import openmsistream.kafka_wrapper'],
      'OpenMSIStream cannot be loaded (Debian: libsodium23)',
    )
  } catch (error) {
    await rm(own, { recursive: true, force: true })
    throw error
  }
  // A second test run may have been faster: its environment is as good.
  await symlink(own, current).catch(() => rm(own, { recursive: true, force: true }))
  return bin
}

async function mustRun(command: string, args: readonly string[], reason: string): Promise<void> {
  await run(command, args).catch((error: Error & { stderr?: string }) => {
    throw new Error(`${reason}: ${(error.stderr || error.message).trim().split('\n').at(-1)}`)
  })
}
