/** One call of the program: arguments in, exit status out, errors told. It does not end the process. */
import { readFileSync } from 'node:fs'
import { DfspError } from './errors.ts'

/** Resolves to the exit status. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  if (argv[0] === '--version' || argv[0] === '-V') {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    process.stdout.write(`${version}\n`)
    return 0
  }
  try {
    const { runCommandLine } = await import('./cli/parser.ts')
    const { stdout, stderr, env } = process
    return await runCommandLine(argv, { stdout, stderr, env, cwd: process.cwd() })
  } catch (error) {
    const { errorJson, errorText } = await import('./report/error-text.ts')
    if (argv.includes('--json')) process.stdout.write(`${errorJson(error)}\n`)
    process.stderr.write(
      errorText(error, { debug: argv.includes('--debug') || process.env.DFSP_DEBUG === '1' }),
    )
    return error instanceof DfspError ? error.exitCode : 1
  }
}

/** Runs `dfsp ARGV` and ends the process with its status, whatever is still open. */
export async function runAsProcess(argv: readonly string[]): Promise<never> {
  process.stdout.on('error', endQuietly)
  process.stderr.on('error', endQuietly)
  const status = await runProgram(argv)
  // A client's or thread's open handle must not keep the process; what is in the pipes must get out.
  return await new Promise(() => {
    process.stdout.write('', () => process.stderr.write('', () => process.exit(status)))
  })
}

/** `dfsp … | head`: whoever reads has enough. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
