/** A call of dfsp inside the test's process: what it wrote, and how it ended. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import { runCommandLine } from '../../src/cli/parser.ts'

export interface Outcome {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  readonly error: DfspError | undefined
}

/** A folder of its own with the given files, removed after the test. */
export function folder(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const cwd = mkdtempSync(join(tmpdir(), 'dfsp-cli-'))
  t.after(() => rmSync(cwd, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true })
    writeFileSync(join(cwd, path), text)
  }
  return cwd
}

export async function dfsp(
  argv: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const stdout = sink()
  const stderr = sink()
  const world = { stdout: stdout.stream, stderr: stderr.stream, cwd, env: { HOME: cwd, ...env } }
  try {
    const exit = await runCommandLine(argv, world)
    return { exit, stdout: stdout.text(), stderr: stderr.text(), error: undefined }
  } catch (error) {
    if (!(error instanceof DfspError)) throw error
    return { exit: error.exitCode, stdout: stdout.text(), stderr: stderr.text(), error }
  }
}

function sink(): { stream: Writable; text: () => string } {
  const chunks: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      chunks.push(chunk)
      done()
    },
  })
  return { stream, text: () => chunks.join('') }
}
