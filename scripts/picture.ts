/** Draws docs/demo.svg, what a terminal shows of a first try, from a real run: `npm run picture`. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMMANDS = ['dfsp demo', 'dfsp init plugin plot', 'dfsp try ./plot.ts samples/*.csv']
const COLUMNS = 118
const CHARACTER = { width: 8.43, height: 19 }

const folder = mkdtempSync(join(tmpdir(), 'dfsp-picture-'))
symlinkSync(join(ROOT, 'bin', 'dfsp.js'), join(folder, 'dfsp'))
const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}`, NO_COLOR: '1' }
const lines = COMMANDS.flatMap(command => {
  const { stdout } = spawnSync('bash', ['-c', `${command} 2>/dev/null`], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  // Of the demo the part that works; what follows are hints for the reader at the terminal.
  const shown = stdout.split(/\n(?=With real Kafka|The same with|Next:)/)[0] ?? ''
  return [`$ ${command}`, ...shown.trimEnd().split('\n'), '']
})
rmSync(folder, { recursive: true })
writeFileSync(join(ROOT, 'docs', 'demo.svg'), svg(lines.slice(0, -1)))

function svg(text: readonly string[]): string {
  const width = Math.round(COLUMNS * CHARACTER.width) + 32
  const height = text.length * CHARACTER.height + 56
  const rows = text.map((line, i) => {
    const shown = line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line
    return `<text x="16" y="${48 + i * CHARACTER.height}" fill="${colour(line)}">${escaped(shown).replaceAll(' ', '\u00a0')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="dfsp demo in a terminal">
<rect width="100%" height="100%" rx="8" fill="#1b1f24"/>
${['#ff5f57', '#febc2e', '#28c840'].map((fill, i) => `<circle cx="${20 + i * 20}" cy="18" r="6" fill="${fill}"/>`).join('')}
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
${rows.join('\n')}
</g>
</svg>
`
}

function colour(line: string): string {
  if (line.startsWith('$')) return '#79c0ff'
  if (/^ *ok\b/.test(line)) return '#7ee787'
  if (/^ *FAIL\b/.test(line)) return '#ff7b72'
  if (/^ *retry\b/.test(line)) return '#e3b341'
  return '#c9d1d9'
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
