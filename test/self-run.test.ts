/** Plugins that are programs by themselves: the shebang line, and `dfsp/main`. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pluginTemplate } from '../src/cli/init/templates.ts'
import { recordsOf } from './support/files.ts'
import { type MockCluster, startMock } from './support/mock.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TSX = fileURLToPath(new URL('../node_modules/.bin/tsx', import.meta.url))

const JS = `import { main } from 'dfsp/main'
export const options = { column: { type: 'number', default: 1, describe: 'which column' } }
export default (file, ctx) => new Error(\`\${file.path} column \${ctx.options.column}\`)
main(import.meta)
`
const TS = JS.replace('(file, ctx)', '(file: { path: string }, ctx: { options: { column: number } }): Error')

describe('a plugin that runs itself', { concurrency: 3 }, () => {
  let folder: string
  let mock: MockCluster
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dfsp-self-'))
    for (const path of ['bin', 'elsewhere', 'node_modules']) mkdirSync(join(folder, path))
    // As `npm install dfsp` and `npm install -g dfsp` leave it.
    symlinkSync(ROOT, join(folder, 'node_modules', 'dfsp'))
    symlinkSync(join(ROOT, 'bin', 'dfsp.js'), join(folder, 'bin', 'dfsp'))
    writeFileSync(join(folder, 'plot.mjs'), JS)
    writeFileSync(join(folder, 'plot.ts'), TS)
    writeFileSync(join(folder, 'scaffold.ts'), pluginTemplate('scaffold'))
    chmodSync(join(folder, 'scaffold.ts'), 0o755)
    symlinkSync('../scaffold.ts', join(folder, 'elsewhere', 'linked'))
    mock = await startMock()
    await mock.produceRaw('self', recordsOf({ path: 'a/1.csv', content: Buffer.from('x,y\n1,2\n') }))
  })
  after(async () => {
    await mock.end()
    rmSync(folder, { recursive: true })
  })

  async function call(program: string, args: readonly string[], cwd = folder) {
    const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` }
    return await new Promise<{ code: number; stdout: string; stderr: string }>(resolve => {
      execFile(program, args, { cwd, env, timeout: 240_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      )
    })
  }
  const onTopic = (group: string) => [
    ...['-t', 'self', '-g', group, '-b', mock.brokers, '--until-end', '--retries', '0'],
    ...['-o', join(folder, group)],
  ]

  test('by its shebang line: the file that `dfsp init plugin` writes takes flags of its own', async () => {
    const { code, stderr } = await call('./scaffold.ts', [...onTopic('shebang'), '--column', '7', '-v'])
    assert.match(stderr, /a\/1\.csv.*no numbers in column 7/)
    assert.equal(code, 3)
  })

  test('through a link in another folder; its options stand in its help', async () => {
    const { code, stdout, stderr } = await call('./linked', ['--help'], join(folder, 'elsewhere'))
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^\S*linked:\n +--column NUMBER +column to summarise/m)
    assert.match(stdout, /^ +-t, --topic NAME/m)
  })

  test('by `main(import.meta)`: node plot.mjs is dfsp run --plugin ./plot.mjs', async () => {
    const { code, stderr } = await call(process.execPath, ['plot.mjs', ...onTopic('node'), '--column', '5'])
    assert.match(stderr, /a\/1\.csv.*column 5/)
    assert.equal(code, 3)
  })

  test('by tsx, from another folder, and with a flag that is wrong', async () => {
    const { code, stdout, stderr } = await call(TSX, ['../plot.ts', '--help'], join(folder, 'elsewhere'))
    assert.equal(code, 0, stderr)
    assert.match(stdout, /plot\.ts:\n +--column NUMBER +which column \(default 1\)/)
    const wrong = await call(TSX, ['plot.ts', '-t', 'self', '-b', mock.brokers, '--colum', '2'])
    assert.equal(wrong.code, 2)
    assert.match(
      wrong.stderr,
      /neither dfsp run nor \.\/plot\.ts has such a flag .*\nTry: did you mean "--column"\?/,
    )
  })

  test('imported, main does nothing: by another module, and by dfsp itself', async () => {
    writeFileSync(
      join(folder, 'imports.mjs'),
      `import plugin from './plot.mjs'\nconsole.log(typeof plugin)\n`,
    )
    const imported = await call(process.execPath, ['imports.mjs', '--help'])
    assert.deepEqual(imported, { code: 0, stdout: 'function\n', stderr: '' })
    writeFileSync(join(folder, 'sample.csv'), '1,2\n')
    const tried = await call('dfsp', ['try', './plot.mjs', 'sample.csv'])
    assert.match(tried.stdout, /^FAIL +sample\.csv +sample\.csv column 1/m)
    assert.equal(tried.code, 3)
  })
})
