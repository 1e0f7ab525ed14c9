import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { moduleFiles } from '../../src/run/module-files.ts'
import { folderOf } from '../plugin/folder.ts'

test('a plugin’s files are its module and what that imports by relative paths, however it is written', t => {
  const files = folderOf(t, {
    'plugin/plot.ts': `
      import type { DataFile } from 'dfsp'
      import { a } from './a.ts'
      export { b } from "./b.js"
      import './side.mjs'
      const late = () => import('../shared/index.ts')
      const old = require('./old')
      import data from './data.json' with { type: 'json' }
      import gone from './gone.ts'
      import { Plot } from './view.jsx'
    `,
    'plugin/a.ts': `import { plot } from './plot.ts'`,
    'plugin/b.ts': '',
    'plugin/side.mjs': '',
    'plugin/old.cjs': '',
    'plugin/data.json': '{}',
    'plugin/unused.ts': '',
    'plugin/view.tsx': '',
    'shared/index.ts': `export * from './deep'`,
    'shared/deep/index.ts': '',
  })
  const plot = fileURLToPath(files['plugin/plot.ts'])
  const folder = plot.slice(0, -'plugin/plot.ts'.length)
  const [first, ...rest] = moduleFiles(plot).map(file => file.slice(folder.length))
  assert.equal(first, 'plugin/plot.ts')
  assert.deepEqual(rest.sort(), [
    'plugin/a.ts',
    'plugin/b.ts',
    'plugin/data.json',
    'plugin/old.cjs',
    'plugin/side.mjs',
    'plugin/view.tsx',
    'shared/deep/index.ts',
    'shared/index.ts',
  ])
})

test('a module that is not there has no other files', () => {
  assert.deepEqual(moduleFiles('/nowhere/plot.ts'), ['/nowhere/plot.ts'])
})
