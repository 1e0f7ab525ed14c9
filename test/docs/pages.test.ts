/** The documents: those that follow from the sources do, and none points to what is not there. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { generatedPages } from '../../scripts/docs.ts'
import { isCommand } from '../../src/cli/command-list.ts'
import { COMMANDS } from '../../src/config/options/option-spec.ts'
import { IGNORED_OLD_NAMES, OPTIONS, optionSpec, optionsOf } from '../../src/config/options/options.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter(f => f.endsWith('.md'))
    .map(f => `docs/${f}`),
]
const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8')

for (const [page, text] of Object.entries(generatedPages())) {
  test(`${page} is what the sources say (npm run docs writes it)`, () => {
    assert.equal(textOf(page), text)
  })
}

test('every link and picture of the documents leads to a file, and its anchor to a heading', () => {
  const broken: string[] = []
  for (const page of PAGES) {
    for (const [, target = ''] of textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path)
      if (!existsSync(file)) broken.push(`${page}: ${target}`)
      else if (anchor !== undefined && !anchors(readFileSync(file, 'utf8')).includes(anchor))
        broken.push(`${page}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})

test('every dfsp command line in the documents uses flags that its command has', () => {
  const names = Object.keys(OPTIONS) as (keyof typeof OPTIONS)[]
  const old = new Set([
    ...names.flatMap(name => (optionSpec(name).oldNames ?? []).map(each => each.name)),
    ...Object.keys(IGNORED_OLD_NAMES),
  ])
  const wrong: string[] = []
  for (const page of PAGES) {
    const text = textOf(page)
    const fenced = [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].filter(([, kind = '']) =>
      /^(sh|console)?$/.test(kind),
    )
    const indented = [...text.matchAll(/^ {4}(dfsp .*)$/gm)].map(([, line = '']) => line)
    for (const line of [...fenced.flatMap(([, , body = '']) => body.split('\n')), ...indented]) {
      const [, command, rest = ''] = /(?:^|&& |\s)dfsp (\w+)(.*)/.exec(line.replace(/\s# .*/, '')) ?? []
      if (command === undefined) continue
      if (!isCommand(command)) wrong.push(`${page}: ${line} (commands: ${COMMANDS.join(' ')})`)
      else if (!/--? |^ help/.test(rest))
        for (const [, flag = ''] of rest.matchAll(/\s--([a-z][\w-]+)/g)) {
          const own = (optionsOf(command) as readonly string[]).includes(flag)
          const plugins = ['run', 'try', 'retry', 'replay'].includes(command) && PLUGIN_FLAGS.includes(flag)
          if (!own && !plugins && !old.has(flag) && flag !== 'help')
            wrong.push(`${page}: --${flag} in ${line}`)
        }
    }
  }
  assert.deepEqual(wrong, [])
})

/** Of the built-in plugins and of the examples. */
const PLUGIN_FLAGS = [
  'column',
  'bucket',
  'endpoint',
  'region',
  'addressing',
  'verify',
  'delete-local',
  'add',
  'table',
  'database',
  'db',
]

function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
