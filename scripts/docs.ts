/** Writes the pages of docs/ that follow from the sources: `npm run docs`. A test compares them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { DfspError, type ErrorCode, EXIT_CODES, SIGNAL_EXITS } from '../src/base/errors.ts'
import { ERROR_HELP } from '../src/cli/help/error-help.ts'

const ROOT = new URL('../', import.meta.url)

/** Text by path. */
export function generatedPages(): Readonly<Record<string, string>> {
  return { 'docs/troubleshooting.md': troubleshooting(), 'docs/api.md': api() }
}

function troubleshooting(): string {
  const codes = Object.keys(ERROR_HELP) as ErrorCode[]
  return `# Troubleshooting

Every error ends with a code in brackets; \`dfsp help CODE\` prints its part of this page. With \`--json\` the same error is a line
on stdout: \`{"v":1,"type":"error","code":"E_TOPIC_MISSING",…}\`. \`--debug\` adds the stack.

| exit status | meaning |
|---|---|
${Object.entries(EXIT_CODES)
  .map(([status, meaning]) => `| ${status} | ${meaning} |`)
  .join('\n')}
${SIGNAL_EXITS.map(([status, meaning]) => `| ${status} | ${meaning.replaceAll('|', '\\|')} |`).join('\n')}

| code | exit | |
|---|---|---|
${codes.map(code => `| [${code}](#${code.toLowerCase()}) | ${exitOf(code)} | ${ERROR_HELP[code].title} |`).join('\n')}

${codes.map(errorPart).join('\n')}`
}

function errorPart(code: ErrorCode): string {
  const { title, meaning, causes, look, mend, example } = ERROR_HELP[code]
  return `## ${code}

**${title}** (exit ${exitOf(code)}). ${meaning}

\`\`\`
${example}
\`\`\`

Causes:
${causes.map(cause => `- ${cause}`).join('\n')}

Look:
${look.map(([line, what]) => `- \`${line}\`: ${what}`).join('\n')}

Do:
${mend.map(text => `- ${text}`).join('\n')}
`
}

function exitOf(code: ErrorCode): number {
  return new DfspError(code, '').exitCode
}

function api(): string {
  const modules: readonly (readonly [entry: string, about: string, ...sources: string[]])[] = [
    [
      'dfsp',
      'Types only: `import type { Context, DataFile } from "dfsp"`. A plugin needs nothing of dfsp while it runs.',
      'src/plugin/plugin.ts',
      'src/core/outgoing-record.ts',
      'src/core/plugin-option.ts',
    ],
    ['dfsp/main', 'A plugin that runs itself.', 'src/self-run.ts'],
    ['dfsp/testing', 'A plugin in a test, without Kafka.', 'src/testing.ts'],
  ]
  const index = readFileSync(new URL('src/index.ts', ROOT), 'utf8')
  const published = new Set(index.match(/^ {2}\w+(?=,$)/gm)?.map(name => name.trim()))
  return `# API of plugins

Generated from the types that the package exports. How to use them: [plugins.md](plugins.md).

${modules
  .map(([entry, about, ...sources]) => {
    const all = sources.flatMap(source => declarations(readFileSync(new URL(source, ROOT), 'utf8')))
    const shown = entry === 'dfsp' ? all.filter(({ name }) => published.has(name)) : all
    return `## \`${entry}\`\n\n${about}\n\n${shown.map(declarationPart).join('\n')}`
  })
  .join('\n')}`
}

interface Declaration {
  readonly name: string
  readonly comment: string
  readonly text: string
}

function declarationPart({ name, comment, text }: Declaration): string {
  return `### ${name}\n\n${comment === '' ? '' : `${comment}\n\n`}\`\`\`ts\n${text}\n\`\`\`\n`
}

/** Exported interfaces, types and functions, these without their bodies. */
function declarations(source: string): readonly Declaration[] {
  const found =
    /(?:^\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^export (?:async )?(?:interface|type|function) (\w+)[\s\S]*?(?=\n\n|\n\/\*\*|$(?![\s\S]))/gm
  return [...source.matchAll(found)].map(([whole, comment = '', name = '']) => {
    const text = whole.slice(whole.indexOf('export '))
    const lines = comment.split('\n').map(line => line.replace(/^\s*\* ?/, '').trim())
    return { name, comment: lines.join('\n').trim(), text: withoutBody(text) }
  })
}

function withoutBody(text: string): string {
  if (!/^export (async )?function/.test(text)) return text.trimEnd()
  return text.slice(0, text.search(/ \{\n/)).replace('export async', 'export')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [path, text] of Object.entries(generatedPages())) writeFileSync(new URL(path, ROOT), text)
}
