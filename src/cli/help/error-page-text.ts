/** One error page as text for a terminal. */
import { DfspError, type ErrorCode } from '../../base/errors.ts'
import { ERROR_HELP, type ErrorPage } from './error-help.ts'

const WIDTH = 80

export function errorPageText(code: ErrorCode): string {
  const { title, meaning, causes, look, mend, example }: ErrorPage = ERROR_HELP[code]
  const column = Math.max(...look.map(([line]) => line.length))
  const shown = look.flatMap(([line, what]) =>
    column + what.length + 7 <= WIDTH
      ? [`  ${line.padEnd(column)}   ${what}`]
      : [`  ${line}`, `      ${what}`],
  )
  return `${[
    `${code}: ${title} (exit ${new DfspError(code, '').exitCode})`,
    ...['', ...wrapped(meaning, '', '')],
    ...['', 'Causes:', ...causes.flatMap(cause => wrapped(cause, '  - ', '    '))],
    ...['', 'Look:', ...shown],
    ...['', 'Do:', ...mend.flatMap(text => wrapped(text, '  - ', '    '))],
    ...['', 'Example:', ...example.split('\n').map(line => `  ${line}`)],
  ].join('\n')}\n`
}

/** Lines of at most WIDTH characters, where words allow it. */
export function wrapped(text: string, first: string, others: string): readonly string[] {
  const lines: string[] = []
  let line = first
  for (const word of text.split(' ')) {
    const empty = line === first || line === others
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = others + word
    } else line = empty ? line + word : `${line} ${word}`
  }
  return [...lines, line]
}
