/**
 * `npm run test:mutants [-- NAME..]`: plants faults one at a time in a copy of the sources, and tells what finds each: the tests
 * near it, and after how many simulated histories. Ends with 1 where one is not found. NAME: only faults with one of these in their name.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Edit, MUTANTS, type Mutant } from './mutants.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = ['src', 'test', 'plugins', 'docs', 'package.json', 'tsconfig.json']
const MOST_HISTORIES = 10_000
/** Of tests that hang on a fault. */
const MOST_MS = 120_000

const started = performance.now()
const wanted = process.argv.slice(2)
const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some(part => name.includes(part)))
const copy = mkdtempSync(join(tmpdir(), 'dfsp-mutants-'))
let missed = 0
try {
  for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  for (const mutant of chosen) for (const edit of mutant.edits) planted(edit)
  for (const mutant of chosen) {
    const found = await hunted(mutant)
    if (found.length === 0) missed++
    console.log(`${mutant.name}\n    ${found.join('\n    ') || 'NOT FOUND'}`)
  }
} finally {
  rmSync(copy, { recursive: true })
}
const seconds = Math.round((performance.now() - started) / 1_000)
console.log(`${chosen.length} faults, ${missed} not found, ${seconds} s`)
process.exitCode = missed === 0 && chosen.length > 0 ? 0 : 1

/** What finds it. */
async function hunted({ edits, simulation, tests }: Mutant): Promise<string[]> {
  const before = new Map(edits.map(({ file }) => [file, readFileSync(join(copy, file), 'utf8')]))
  for (const edit of edits) writeFileSync(join(copy, edit.file), planted(edit))
  try {
    const found: string[] = []
    for (const file of tests) {
      const { code, text } = await ends(['--test', '--test-reporter=tap', file], MOST_MS)
      if (code !== 0) found.push(`${file}: ${/^not ok \d+ - (.*)$/m.exec(text)?.[1] ?? `ended with ${code}`}`)
    }
    if (simulation === undefined) return found
    const { code, text } = await ends(['test/mutants/hunt.ts', simulation, String(MOST_HISTORIES)])
    if (code !== 0) return [...found, `simulation, ${simulation}: ${/^seed .*$/m.exec(text)?.[0] ?? text}`]
    console.log(`${simulation} histories do not find:`)
    return []
  } finally {
    for (const [file, text] of before) writeFileSync(join(copy, file), text)
  }
}

/** The file of the copy with the fault in it. */
function planted({ file, from, to }: Edit): string {
  const text = readFileSync(join(copy, file), 'utf8')
  if (text.split(from).length !== 2) throw new Error(`${file} does not have exactly once:\n${from}`)
  return text.replace(from, () => to)
}

function ends(args: readonly string[], mostMs?: number): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
      cwd: copy,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(mostMs === undefined ? {} : { timeout: mostMs }),
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', data => {
        text += data
      })
    child.on('error', reject)
    child.on('close', code => resolve({ code, text }))
  })
}
