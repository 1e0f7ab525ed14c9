import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { LoadedInfo } from '../../src/plugin/host/host.ts'
import type { TaskResult } from '../../src/plugin/messages.ts'
import { HOOKS } from '../../src/plugin/plugin.ts'
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

/** What URLs take for something else. */
const ODD_FOLDERS = ['a?b', 'x.js?y', 'q?1#2%3F é', 'hash#', '100%'] as const
const ODD = ODD_FOLDERS.flatMap(folder => ['ts', 'mts', 'cts', 'tsx'].map(ending => `${folder}/p.${ending}`))
const ODD_THROWS = ODD_FOLDERS.flatMap(folder => ['ts', 'cts'].map(ending => `${folder}/throws.${ending}`))

const FILES = {
  ...Object.fromEntries(
    ODD.map(name => [
      name,
      `import { helped } from './helper'\nimport './data.json'\n${TS}helped satisfies object\n`,
    ]),
  ),
  ...Object.fromEntries(ODD_THROWS.map(name => [name, THROWS_AT_3])),
  'a?b/broken.mts': 'export default file => {\n  const 1\n}\n',
  'esm.mjs': ESM,
  'cjs.cjs': CJS,
  'ts.mts': TS,
  'ts.cts': TS,
  'throws.mts': THROWS_AT_3,
  'throws.cts': THROWS_AT_3,
  'bare.ts': TS,
  'bare.js': ESM,
  'module/esm.js': ESM,
  'module/ts.ts': TS,
  'module/throws.ts': THROWS_AT_3,
  'module/deep/er/ts.ts': TS,
  'module/helped.ts': `import { helped } from './helper.ts'\nexport default helped\n`,
  'module/helper.ts': THROWS_AT_3.replace('export default', 'export const helped ='),
  'commonjs/cjs.js': CJS,
  'commonjs/ts.ts': TS,
  'commonjs/throws.ts': THROWS_AT_3,
  'commonjs/compiled.js': `Object.defineProperty(exports, '__esModule', { value: true })
exports.setup = () => {}
exports.default = file => new Error(file.text())
`,
  'untyped/ts.ts': TS,
  'odd name é #1.mts': TS,
  'hooks.mjs': `${ESM}export const setup = () => {}, teardown = () => {}, onFailure = () => {}, onMismatch = () => {}, onUndecodable = () => {}\n`,
  'misspelt.mjs': `${ESM}export const tearDown = () => {}, onfailure = () => {}, helper = () => {}, setups = 5,
  onFailed = () => {}, onward = () => {}, option = { x: { type: 'number' } }, optional = 1\n`,

  'nothing.mjs': 'export {}\n',
  'empty.mjs': '',
  'empty.ts': '\n',
  'empty.cjs': '',
  'comment.ts': '// later\n',
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
  'no-hook.mjs': `${ESM}export const setup = undefined\n`,
  'options-array.mjs': 'export default () => null\nexport const options = []\n',
  'options-flat.mjs': 'export default () => null\nexport const options = { column: 1 }\n',
  'options-key.mjs': 'export default () => null\nexport const options = { column: { tipe: "number" } }\n',
} as const

/** How a setter that a field of the same name meets, which `useDefineForClassFields` decides, is seen. */
const FIELD = `let seen = 'defined'
class A { set x(v: number) { seen = 'set' } }
class B extends A { x = 5 }
export default () => new Error(new B() && seen)
`
const SAYS = (value: string) => `export default () => new Error(String(${value}))\n`

/** Modules that are loaded, or not, as Node, tsc and tsx make one expect: file to what it then says. */
const LOADS: Readonly<Record<string, readonly [text: string, says: string]>> = {
  'paths/p.ts': [`import { x } from '@lib/x'\n${SAYS('x')}`, 'lib'],
  'paths/p.mts': [`import { x } from '@lib/x'\n${SAYS('x')}`, 'lib'],
  'paths/later.ts': [`export default async () => new Error((await import('@lib/x')).x)`, 'lib'],
  'paths/below/p.ts': [`import { x } from '@lib/x'\n${SAYS('x')}`, 'lib'],
  'references/src/p.ts': [`import { x } from '@/x'\n${SAYS('x')}`, 'referenced'],
  'fields/p.ts': [FIELD, 'set'],
  'fields/p.mts': [FIELD, 'set'],
  'target/p.ts': [FIELD, 'set'],
  'inherited/p.tsx': [`const h = (...a: unknown[]) => a.join('-')\n${SAYS('<b>t</b>')}`, 'b--t'],
  'no-tsconfig/p.ts': [FIELD, 'defined'],
  'no-tsconfig/p.mts': [FIELD, 'defined'],
  'decorated/p.ts': [
    `let key = ''\nfunction d(_: object, name: string): void { key = name }\nclass A { @d m(): void {} }\n${SAYS('A.name + key')}`,
    'Am',
  ],

  'later.ts': [`export default async () => new Error((await import('./h.ts')).h)`, 'helped'],
  'later-url.ts': [
    `export default async () => new Error((await import(new URL('./h.ts?2', import.meta.url).href)).h)`,
    'helped',
  ],
  'module/later.ts': [`export default async () => new Error((await import('../h.ts')).h)`, 'helped'],
  'json.ts': [`import data from './data.json'\n${SAYS('data.a + require("./data.json").a')}`, '2'],
  'module/json.ts': [`import data from '../data.json'\n${SAYS('data.a')}`, '1'],
  'place.ts': [
    SAYS(
      `[import.meta.url.split('/').at(-1), __filename.split('/').at(-1), import.meta.dirname === __dirname]`,
    ),
    'place.ts,place.ts,true',
  ],
  'module/place.ts': [
    SAYS(`import.meta.url.split('/').at(-1) + import.meta.resolve('../h.ts').split('/').at(-1)`),
    'place.tsh.ts',
  ],
  'awaits.ts': [`const x: number = await Promise.resolve(3)\n${SAYS('x')}`, '3'],
  'uses-awaiting.ts': [`import { x } from './awaiting'\n${SAYS('x')}`, '3'],
  'awaiting-package.ts': [`import { x } from 'awaiting-package'\n${SAYS('x')}`, '3'],
  'import-only.ts': [`import { x } from 'import-only'\n${SAYS('x')}`, '5'],
  'untyped/import-only.ts': [`import { x } from 'import-only'\n${SAYS('x')}`, '5'],

  'equals.ts': ['export = (): Error => new Error("ok")', 'ok'],
  'equals.cts': ['export = (): Error => new Error("ok")', 'ok'],
  'module-exports.ts': ['module.exports = () => new Error("ok")', 'ok'],
  'module-exports.cts': ['module.exports = () => new Error("ok")', 'ok'],
  'default-in.cjs': ['module.exports = { default: () => new Error("ok") }', 'ok'],
  'exports-default.cjs': ['exports.default = () => new Error("ok")', 'ok'],
  'itself-default.cjs': [
    'module.exports = () => new Error("ok")\nmodule.exports.default = module.exports',
    'ok',
  ],
  'bound.mjs': ['export default (() => new Error("ok")).bind(null)', 'ok'],
  'proxy.mjs': ['export default new Proxy(() => new Error("ok"), {})', 'ok'],

  'a b/per%41cent.ts': [SAYS('1'), '1'],
  'hash#1.ts': [`import { h } from './h'\n${SAYS('h')}`, 'helped'],
  'what?.ts': [`import { h } from './h'\n${SAYS('h')}`, 'helped'],
  'what?.mts': [`import { h } from './h'\n${SAYS('h')}`, 'helped'],
  'jsx.jsx': [`const React = { createElement: name => name }\n${SAYS('<b/>')}`, 'b'],
  'bom.ts': [`\uFEFF${SAYS('1')}`, '1'],
  'shebang.cts': [`#!/usr/bin/env -S dfsp run --plugin\n${SAYS('1')}`, '1'],
  'crlf.ts': ['type A = string\r\n\r\nexport default (): Error => new Error("ok")\r\n', 'ok'],
  'syntax.ts': [
    `import fs = require('node:fs')
enum E { A = 'a' }
namespace N { export const v = 1 }
class C { constructor(readonly z: number) {} }
${SAYS('[E.A, N.v, typeof fs.readFileSync, new C(4).z, <any>1]')}`,
    'a,1,function,4,1',
  ],
  'using.mts': [
    `let log = ''\n{ using r = { [Symbol.dispose]() { log = 'disposed' } } }\n${SAYS('log')}`,
    'disposed',
  ],
  'js-extension.ts': [`import { h } from './h.js'\n${SAYS('h')}`, 'helped'],
  'own-stacks.mjs': [`Error.prepareStackTrace = () => ({})\n${SAYS('1')}`, '1'],
  'throwing-stacks.mjs': [`Error.prepareStackTrace = () => { throw 1 }\n${SAYS('1')}`, '1'],
  'timer.mjs': [`setInterval(() => {}, 10)\n${SAYS('1')}`, '1'],
  'at-exit.mjs': [`process.on('exit', () => { throw new Error('late') })\n${SAYS('1')}`, '1'],
  'frozen.mjs': [
    `for (const { prototype } of [Object, Array, Error]) Object.freeze(prototype)\n${SAYS('1')}`,
    '1',
  ],
}

/** Modules that are no plugin: file to what is said of it, and the next step, where there is one. */
const REFUSED: Readonly<Record<string, readonly [text: string, what: RegExp, next?: RegExp]>> = {
  ...Object.fromEntries(
    HOOKS.flatMap(hook => [
      [
        `${hook}-number.mjs`,
        [
          `export default () => null\nexport const ${hook} = 5`,
          RegExp(`exports a value of type number as ${hook}, not a function`),
        ],
      ],
      [
        `${hook}-null.cjs`,
        [
          `module.exports = () => null\nmodule.exports.${hook} = null`,
          RegExp(`exports null as ${hook}, not a function`),
        ],
      ],
    ]),
  ),
  'hook-class.mjs': [
    'export default () => null\nexport class teardown {}',
    /exports a class as teardown, not a function/,
  ],
  'hook-generator.mts': [
    'export default () => null\nexport async function* onFailure(error: Error) { yield error }',
    /exports a generator as onFailure, whose calls run nothing, not a function/,
  ],
  'options-default.mjs': [
    'export default () => null\nexport const options = { x: { type: "number", default: "abc" } }',
    /option "x" has a default that is "abc", not a number/,
  ],
  'options-function.mjs': [
    'export default () => null\nexport const options = { x: { type: "string", default: () => "" } }',
    /option "x" has a default that is a function, not a string/,
  ],

  'broken-config/p.ts': [SAYS('1'), /cannot be compiled.* broken-config\/tsconfig\.json:4:4 Expected ","/],
  'broken-config/p.mts': [SAYS('1'), /cannot be compiled.* broken-config\/tsconfig\.json:4:4 Expected ","/],
  'gone-config/p.ts': [SAYS('1'), /gone-config\/tsconfig\.json extends \.\/gone\.json, which does not exist/],
  'gone-package/p.ts': [SAYS('1'), /gone-package\/tsconfig\.json: File '@nobody\/base' not found/],
  'circle/p.ts': [SAYS('1'), /circle\/other\.json extends \.\/tsconfig\.json, which extends it/],
  'array-config/p.ts': [SAYS('1'), /array-config\/tsconfig\.json:1 is no JSON object/],
  'broken-package/p.ts': [SAYS('1'), /broken-package\/package\.json is no JSON/],

  'awaits-in.cts': [
    'const x = await 1\nexport default () => x',
    /can only be loaded as an ES module.* awaits-in\.cts:1:10 Top-level await/,
    /rename it to \.mjs \(TypeScript: \.mts\)/,
  ],
  'commonjs/awaits.ts': [
    'const x = await 1\nexport default () => x',
    /can only be loaded as an ES module/,
    /"type": "module"/,
  ],
  'commonjs/import-only.ts': [
    `import { x } from 'import-only'\n${SAYS('x')}`,
    /can only be loaded as an ES module.*No "exports" main defined/,
    /"type": "module"/,
  ],
  'import-only.cjs': [`require('import-only')`, /can only be loaded as an ES module/, /rename/],
  'uses-typescript.mjs': [
    `import { h } from './h.ts'\n${SAYS('h')}`,
    /imports TypeScript, but is none itself/,
    /rename it to \.ts/,
  ],
  'no-package.cts': [
    `import x from '@nobody/left-pad/sub'\n${SAYS('x')}`,
    /imports "@nobody\/left-pad\/sub", which is not found/,
    /^npm install @nobody\/left-pad {3}/,
  ],
  'no-neighbour.ts': [`import x from './nope'\n${SAYS('x')}`, /imports "\.\/nope", which is not found/, /^$/],
  'instance.mjs': ['export default new (class Plot {})()', /a value of type object as default/],
  'generator.mjs': ['export default function* () {}', /exports a generator as default/],
  'async-generator.mts': ['export default async function* () {}', /exports a generator as default/],
  'broken-in.cts': ['let a: number\nexport default 1 error 2', /does not compile.* broken-in\.cts:2:17/],
  'broken.jsx': ['let a\nexport default 1 error 2', /does not compile.* broken\.jsx:2:17/],
  'chdir.mjs': [
    'process.chdir("/")',
    /throws while it is imported.*not supported in workers at chdir\.mjs:1:9/,
  ],
}

/** What stands beside them. */
const BESIDE: Readonly<Record<string, string>> = {
  'h.ts': 'export const h: string = "helped"',
  'data.json': '{ "a": 1 }',
  ...Object.fromEntries(
    ODD_FOLDERS.flatMap(folder => [
      [`${folder}/helper.ts`, 'export const helped: object = {}'],
      [`${folder}/data.json`, '{ "a": 1 }'],
    ]),
  ),
  'awaiting.ts': 'export const x: number = await Promise.resolve(3)',
  'node_modules/awaiting-package/package.json': '{ "type": "module", "exports": "./index.js" }',
  'node_modules/awaiting-package/index.js': 'export const x = await Promise.resolve(3)',
  'node_modules/import-only/package.json': '{ "exports": { "import": "./index.mjs" } }',
  'node_modules/import-only/index.mjs': 'export const x = 5',
  'paths/tsconfig.json':
    '{ // as tsc reads it\n "compilerOptions": { "paths": { "@lib/*": ["./lib/*"], } } }',
  'paths/lib/x.ts': 'export const x: string = "lib"',
  'references/tsconfig.json':
    '{ "files": [], "references": [{ "path": "./of-tools.json" }, { "path": "./of-source.json" }] }',
  'references/of-tools.json': '{ "include": ["vite.config.ts"] }',
  'references/of-source.json':
    '{ "include": ["src"], "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }',
  'references/src/x.ts': 'export const x: string = "referenced"',
  'fields/tsconfig.json': '{ "compilerOptions": { "useDefineForClassFields": false } }',
  'target/tsconfig.json': '\uFEFF{ "compilerOptions": { "target": "es2019" } }',
  'inherited/tsconfig.json': '{ "extends": "./base" }',
  'inherited/base.json': '{ "compilerOptions": { "jsx": "react", "jsxFactory": "h" } }',
  'decorated/tsconfig.json':
    '{ "compilerOptions": { "experimentalDecorators": true, "emitDecoratorMetadata": true } }',
  'elsewhere/tsconfig.json':
    '{ "compilerOptions": { "useDefineForClassFields": false, "paths": { "@lib/*": ["./nowhere/*"] } } }',
  'broken-config/tsconfig.json':
    '{\n  "compilerOptions": {\n    "strict": true\n    "target": "es2022"\n  }\n}',
  'gone-config/tsconfig.json': '{ "extends": "./gone.json" }',
  'gone-package/tsconfig.json': '{ "extends": "@nobody/base" }',
  'circle/tsconfig.json': '{ "extends": "./other.json" }',
  'circle/other.json': '{ "extends": "./tsconfig.json" }',
  'array-config/tsconfig.json': '[]',
  'broken-package/package.json': '{ "type": module }',
  'module/package.json': '{ "type": "module" }',
  'commonjs/package.json': '{ "type": "commonjs" }',
  'untyped/package.json': '{ "name": "plot" }',
}

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
  const plugins = {
    ...FILES,
    ...Object.fromEntries(
      [...Object.entries(LOADS), ...Object.entries(REFUSED)].map(([name, [text]]) => [name, text]),
    ),
  }
  const names = Object.keys(plugins)
  const urls: Record<string, string> = folderOf(
    { after: work => void cleanups.push(work) },
    { ...BESIDE, ...plugins },
  )
  const script = fileURLToPath(new URL('./load-all.mjs', import.meta.url))
  // A tsconfig.json where dfsp was started is not the plugin's.
  const cwd = fileURLToPath(new URL('.', urls['elsewhere/tsconfig.json'] as string))
  const child = spawnSync(process.execPath, [script, ...names.map(name => urls[name] as string)], {
    cwd,
    encoding: 'utf8',
  })
  assert.equal(child.status, 0, child.stderr)
  const lines = child.stdout.trimEnd().split('\n')
  for (const [i, name] of names.entries()) tried.set(name, JSON.parse(lines[i] as string))
})
after(() => {
  for (const cleanup of cleanups) cleanup()
})

function failureOf(name: string) {
  const { result, error } = tried.get(name) as Tried
  assert.ok(result?.kind === 'failed', JSON.stringify({ result, error }))
  return result.fault
}

function errorOf(name: string) {
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
  ...ODD,
])
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

for (const name of ['throws.mts', 'throws.cts', 'module/throws.ts', 'commonjs/throws.ts', ...ODD_THROWS])
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

test('a hook that is undefined is none', () => {
  assert.deepEqual(tried.get('no-hook.mjs')?.loaded?.hooks, [])
})

test('a function whose name is near a hook is warned of; other exports are the author’s own', () => {
  const warnings = tried.get('misspelt.mjs')?.loaded?.warnings ?? []
  assert.deepEqual(
    warnings.map(w => w.match(/"[^"]+"/g)),
    [['"onFailed"'], ['"onfailure"', '"onFailure"'], ['"option"', '"options"'], ['"tearDown"', '"teardown"']],
  )
  assert.match(warnings[0] ?? '', /no hook \(hooks: setup, teardown, onFailure, onMismatch, onUndecodable\)/)
})

test('no default export is an error that lists what there is', () => {
  assert.equal(errorOf('nothing.mjs').message, './nothing.mjs has no default export')
  for (const name of ['empty.mjs', 'empty.ts', 'empty.cjs'])
    assert.equal(errorOf(name).message, `./${name} is empty: it has no default export`)
  assert.match(errorOf('comment.ts').message, /exports an empty object as default|has no default export/)
  assert.match(
    errorOf('empty.ts').next ?? '',
    /default export of a plugin is its function: export default async \(file, ctx\)/,
  )
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
  ['a?b/broken.mts', 'broken.mts:2:8'],
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
  assert.equal(errorOf('no-module.mjs').next, undefined)
  assert.equal(errorOf('no-package.mjs').next, 'npm install left-pad-of-nobody   in the folder of the plugin')
})

test('options that are none are an error that names the option and the key', () => {
  assert.match(errorOf('options-array.mjs').message, /`options` that is not an object/)
  assert.match(errorOf('options-flat.mjs').message, /option "column" is not an object/)
  assert.match(
    errorOf('options-key.mjs').message,
    /option "column" has an unknown key "tipe", did you mean "type"/,
  )
})

for (const [name, [, says]] of Object.entries(LOADS))
  test(`${name} is loaded, and runs`, () => {
    assert.equal(failureOf(name).message, says)
  })

/** Node 22 and later take the types away themselves. */
const LOADED_BY_NODE = (process.features as { typescript?: unknown }).typescript
  ? ['uses-typescript.mjs']
  : []

for (const [name, [, what, next]] of Object.entries(REFUSED))
  test(`${name} is refused in one line that says what to do`, { skip: LOADED_BY_NODE.includes(name) }, () => {
    const { message, facts, next: step = '' } = errorOf(name)
    assert.match([message, ...facts].join(' '), what)
    assert.doesNotMatch(facts.join(), /\n/)
    if (next) assert.match(step, next)
  })

test('a setting of tsconfig.json that cannot be followed is warned of', () => {
  assert.match(
    tried.get('decorated/p.ts')?.loaded?.warnings.join() ?? '',
    /decorated\/tsconfig\.json: emitDecoratorMetadata has no effect/,
  )
  assert.deepEqual(tried.get('fields/p.ts')?.loaded?.warnings, [])
})

test('frames name a file as it is called, whatever the compiler calls it', () => {
  assert.match(failureOf('jsx.jsx').frames[0] ?? '', /^jsx\.jsx:2:/)
  assert.match(failureOf('throws.mts').frames[0] ?? '', /^throws\.mts:3:/)
})
