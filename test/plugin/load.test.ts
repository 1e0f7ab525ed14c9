import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { LoadedInfo } from '../../src/plugin/host.ts'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { folderOf } from './folder.ts'

/** Throws on its line 3, which a compiler that drops the type before it would call 1 or 2. */
const THROWS_AT_3 = `type Text = string
export default (file: { text(): Text }): Error | null => {
  throw new TypeError(file.text() as Text)
}
`
const ESM = `export default file => new Error(file.text())\nexport const options = { column: { type: 'number' } }\n`
const CJS = `module.exports = file => new Error(file.text())\nmodule.exports.setup = () => {}\n`
const TS = `export default (file: { text(): string }): Error => new Error(file.text())
export const options = { column: { type: 'number' } } as const
`

const FILES = {
  'esm.mjs': ESM,
  'cjs.cjs': CJS,
  'ts.mts': TS,
  'ts.cts': TS,
  'throws.mts': THROWS_AT_3,
  'throws.cts': THROWS_AT_3,
  'bare.ts': TS,
  'bare.js': ESM,
  'module/package.json': '{ "type": "module" }',
  'module/esm.js': ESM,
  'module/ts.ts': TS,
  'module/throws.ts': THROWS_AT_3,
  'module/deep/er/ts.ts': TS,
  'module/helped.ts': `import { helped } from './helper.ts'\nexport default helped\n`,
  'module/helper.ts': THROWS_AT_3.replace('export default', 'export const helped ='),
  'commonjs/package.json': '{ "type": "commonjs" }',
  'commonjs/cjs.js': CJS,
  'commonjs/ts.ts': TS,
  'commonjs/throws.ts': THROWS_AT_3,
  'commonjs/compiled.js': `Object.defineProperty(exports, '__esModule', { value: true })
exports.setup = () => {}
exports.default = file => new Error(file.text())
`,
  'untyped/package.json': '{ "name": "plot" }',
  'untyped/ts.ts': TS,
  'odd name é #1.mts': TS,
  'hooks.mjs': `${ESM}export const setup = () => {}, teardown = () => {}, onFailure = () => {}, onMismatch = () => {}, onUndecodable = () => {}\n`,
  'misspelt.mjs': `${ESM}export const tearDown = () => {}, onfailure = () => {}, helper = () => {}, setups = 5\n`,

  'nothing.mjs': 'export {}\n',
  'not-default.mjs': 'export const notDefault = () => null, other = 1\n',
  'class.mjs': 'export default class Plot {}\n',
  'class.mts': 'export default class Plot { private a: number = 1 }\n',
  'object.mjs': 'export default { process() {} }\n',
  'object.cjs': 'module.exports = { run() {} }\n',
  'null.mjs': 'export default null\n',
  'text.mjs': 'export default "plot"\n',
  'throws-at-import.mts': 'const n: number = 1\n\nthrow new RangeError("no device " + n)\n',
  'throws-text.mjs': 'throw "no device"\n',
  'exits.mjs': 'process.exit(3)\n',
  'rejects.mjs': 'await Promise.reject(new Error("no device"))\n',
  'broken.mjs': 'export default file => {\n  const 1\n}\n',
  'broken.mts': 'export default file => {\n  const 1\n}\n',
  'module/broken.ts': 'let a: number\nexport default 1 error 2\n',
  'commonjs/broken.ts': 'let a: number\nexport default 1 error 2\n',
  'imports-broken.mjs': 'import "./broken.mjs"\nexport default () => null\n',
  'no-package.mjs': 'import x from "left-pad-of-nobody"\nexport default x\n',
  'no-package.mts': 'import x from "left-pad-of-nobody"\nexport default x\n',
  'no-module.mjs': 'import x from "./helpr.mjs"\nexport default x\n',
  'options-array.mjs': 'export default () => null\nexport const options = []\n',
  'options-flat.mjs': 'export default () => null\nexport const options = { column: 1 }\n',
  'options-key.mjs': 'export default () => null\nexport const options = { column: { tipe: "number" } }\n',
} as const
const NOT_PLUGINS: readonly string[] = [
  'module/package.json',
  'commonjs/package.json',
  'untyped/package.json',
]

interface Tried {
  readonly loaded?: LoadedInfo
  readonly result?: TaskResult
  readonly logs?: readonly string[]
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly facts: string[]
    readonly next?: string
  }
}

const tried = new Map<string, Tried>()
const cleanups: (() => void)[] = []

before(() => {
  const urls = folderOf({ after: work => void cleanups.push(work) }, FILES)
  const names = (Object.keys(FILES) as (keyof typeof FILES)[]).filter(name => !NOT_PLUGINS.includes(name))
  const script = fileURLToPath(new URL('./load-all.mjs', import.meta.url))
  const child = spawnSync(process.execPath, [script, ...names.map(name => urls[name])], { encoding: 'utf8' })
  assert.equal(child.status, 0, child.stderr)
  const lines = child.stdout.trimEnd().split('\n')
  for (const [i, name] of names.entries()) tried.set(name, JSON.parse(lines[i] as string))
})
after(() => {
  for (const cleanup of cleanups) cleanup()
})

function failureOf(name: keyof typeof FILES) {
  const { result, error } = tried.get(name) as Tried
  assert.ok(result?.kind === 'failed', JSON.stringify({ result, error }))
  return result.fault
}

function errorOf(name: keyof typeof FILES) {
  const { error } = tried.get(name) as Tried
  assert.ok(error, `${name} was loaded`)
  assert.equal(error.code, 'E_PLUGIN')
  return error
}

for (const name of [
  'esm.mjs',
  'ts.mts',
  'ts.cts',
  'bare.ts',
  'bare.js',
  'module/esm.js',
  'module/ts.ts',
  'module/deep/er/ts.ts',
  'commonjs/ts.ts',
  'untyped/ts.ts',
  'odd name é #1.mts',
] as const)
  test(`${name} is loaded with its options, and runs`, () => {
    assert.equal(failureOf(name).message, 'hello')
    assert.deepEqual(tried.get(name)?.loaded?.options, { column: { type: 'number' } })
    assert.deepEqual(tried.get(name)?.loaded?.warnings, [])
  })

for (const name of ['cjs.cjs', 'commonjs/cjs.js', 'commonjs/compiled.js'] as const)
  test(`${name} is loaded with its hooks, and runs`, () => {
    assert.equal(failureOf(name).message, 'hello')
    assert.deepEqual(tried.get(name)?.loaded?.hooks, ['setup'])
  })

for (const name of ['throws.mts', 'throws.cts', 'module/throws.ts', 'commonjs/throws.ts'] as const)
  test(`an error in ${name} names its line in the source, and no frame but the plugin's`, () => {
    const { message, frames, stack } = failureOf(name)
    assert.equal(message, 'TypeError: hello')
    assert.equal(frames.length, 1, frames.join())
    assert.match(frames[0] ?? '', /^throws\.[cm]?ts:3:\d+$/)
    assert.match(stack ?? '', /TypeError: hello/)
  })

test('an error in a module that the plugin imports names that module', () => {
  assert.match(failureOf('module/helped.ts').frames[0] ?? '', /^helper\.ts:3:\d+$/)
})

test('all hooks are found', () => {
  assert.deepEqual(
    [...(tried.get('hooks.mjs')?.loaded?.hooks ?? [])].sort(),
    ['setup', 'teardown', 'onFailure', 'onMismatch', 'onUndecodable'].sort(),
  )
})

test('a function whose name is near a hook is warned of; other exports are the author’s own', () => {
  const warnings = tried.get('misspelt.mjs')?.loaded?.warnings ?? []
  assert.deepEqual(
    warnings.map(w => w.match(/"[^"]+"/g)),
    [
      ['"onfailure"', '"onFailure"'],
      ['"tearDown"', '"teardown"'],
    ],
  )
})

test('no default export is an error that lists what there is', () => {
  assert.equal(errorOf('nothing.mjs').message, './nothing.mjs has no default export')
  assert.match(errorOf('not-default.mjs').message, /has no default export \(exports: notDefault, other\)/)
  assert.match(errorOf('not-default.mjs').next ?? '', /default export/)
})

test('a default export that is no function is an error that says what it is', () => {
  assert.match(errorOf('class.mjs').message, /exports a class as default, not a function/)
  assert.match(errorOf('class.mts').message, /exports a class as default, not a function/)
  assert.match(errorOf('object.mjs').message, /object/)
  assert.match(errorOf('object.cjs').message, /object|no default export \(exports: run\)/)
  assert.match(errorOf('null.mjs').message, /null/)
  assert.match(errorOf('text.mjs').message, /string/)
})

test('what a module throws while it is imported is told with its line', () => {
  const { message, facts } = errorOf('throws-at-import.mts')
  assert.equal(message, './throws-at-import.mts throws while it is imported')
  assert.match(facts.join(), /RangeError: no device 1 at throws-at-import\.mts:3:7/)
  assert.match(errorOf('throws-text.mjs').facts.join(), /no device/)
  assert.match(errorOf('rejects.mjs').facts.join(), /no device at rejects\.mjs:1:/)
})

test('a module that ends its thread is an error that says so', () => {
  const { message, facts, next } = errorOf('exits.mjs')
  assert.match(message, /ended its thread while it was imported/)
  assert.match(facts.join(), /process\.exit\(3\)/)
  assert.match(next ?? '', /process\.exit/)
})

for (const [name, at] of [
  ['broken.mjs', 'broken.mjs:2'],
  ['broken.mts', 'broken.mts:2:8'],
  ['module/broken.ts', 'broken.ts:2:17'],
  ['commonjs/broken.ts', 'broken.ts:2:17'],
] as const)
  test(`a syntax error in ${name} is told by file and line, in one line`, () => {
    const { message, facts } = errorOf(name)
    assert.match(message, /^\.\/\S+ does not compile$/)
    assert.equal(facts.length, 1)
    assert.ok(facts[0]?.startsWith(at), facts[0])
    assert.doesNotMatch(facts[0] ?? '', /\n|node_modules|\/tmp/)
  })

test('a syntax error in a module that the plugin imports is told as one', () => {
  assert.match(errorOf('imports-broken.mjs').message, /does not compile$/)
  assert.match(errorOf('imports-broken.mjs').facts.join(), /SyntaxError: Unexpected number/)
})

test('an import that is not found is named', () => {
  assert.match(errorOf('no-package.mjs').message, /imports "left-pad-of-nobody", which is not found/)
  assert.match(errorOf('no-package.mts').message, /imports "left-pad-of-nobody", which is not found/)
  assert.match(errorOf('no-module.mjs').message, /imports "helpr\.mjs", which is not found/)
})

test('options that are none are an error that names the option and the key', () => {
  assert.match(errorOf('options-array.mjs').message, /`options` that is not an object/)
  assert.match(errorOf('options-flat.mjs').message, /option "column" is not an object/)
  assert.match(
    errorOf('options-key.mjs').message,
    /option "column" has an unknown key "tipe", did you mean "type"/,
  )
})
