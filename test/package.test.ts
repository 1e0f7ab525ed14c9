/** The package as npm packs it: what is in it, and whether other packages can use it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { pluginTemplate } from '../src/cli/init/templates.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MODULES = join(ROOT, 'node_modules')
const run = promisify(execFile)
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const PLUGIN = `${pluginTemplate('plot')}
import { main } from 'dfsp/main'
main(import.meta)
`

describe('the package', () => {
  let folder: string
  let tarball: string
  let files: readonly string[]
  let size: number
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dfsp-packed-'))
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const { stdout } = await run('npm', args, { cwd: ROOT })
    const [packed] = Object.values(JSON.parse(stdout)) as {
      filename: string
      size: number
      files: { path: string }[]
    }[]
    assert.ok(packed)
    tarball = join(folder, packed.filename)
    files = packed.files.map(file => file.path)
    size = packed.size
    // As npm installs it into a project that has TypeScript and Node's types.
    for (const path of ['node_modules/@types', 'node_modules/dfsp'])
      mkdirSync(join(folder, path), { recursive: true })
    symlinkSync(join(MODULES, '@types', 'node'), join(folder, 'node_modules', '@types', 'node'))
    const target = join(folder, 'node_modules', 'dfsp')
    await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
  })
  after(() => rmSync(folder, { recursive: true }))

  test('holds every file that package.json names, nothing of the development, and is small', () => {
    const named = [
      manifest.bin.dfsp,
      ...Object.values(manifest.exports).flatMap(target =>
        typeof target === 'string' ? [target] : Object.values(target as Record<string, string>),
      ),
    ].map(path => path.replace(/^\.\//, ''))
    for (const path of named) assert.ok(files.includes(path), `${path} is missing`)
    const odd = files.filter(
      path => !/^(bin|dist|config|man|pages|monitoring)\/|^(package\.json|README\.md|LICENSE)$/.test(path),
    )
    assert.deepEqual(odd, [])
    const sources = files.filter(path => /(?<!\.d)\.[cm]?tsx?$|\.map$|\.test\./.test(path))
    assert.deepEqual(sources, [])
    assert.ok(size < 1_000_000, `${size} bytes`)
  })

  test('publint has nothing to say', async () => {
    const { messages } = await publint({ pkgDir: join(folder, 'node_modules', 'dfsp'), strict: true })
    assert.deepEqual(
      messages.map(message => formatMessage(message, manifest, { color: false })),
      [],
    )
  })

  test('its types resolve in ES modules under Node 16 rules and bundlers (are the types wrong)', async () => {
    const attw = join(MODULES, '@arethetypeswrong', 'cli', 'dist', 'index.js')
    const args = [attw, tarball, '--profile', 'esm-only', '--format', 'json']
    const { stdout } = await run(process.execPath, args).catch(error => error as { stdout: string })
    const { analysis } = JSON.parse(stdout)
    assert.deepEqual(Object.keys(analysis.entrypoints).sort(), Object.keys(manifest.exports).sort())
    const problems = analysis.problems.filter(
      ({ resolutionKind }: { resolutionKind?: string }) => !/node10|node16-cjs/.test(resolutionKind ?? ''),
    )
    assert.deepEqual(problems, [])
  })

  test('a plugin in a folder elsewhere type-checks against it under strict, and a wrong one does not', async () => {
    const options = { strict: true, noEmit: true, module: 'nodenext', target: 'es2023', types: ['node'] }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, include: ['*.ts'] }),
    )
    writeFileSync(join(folder, 'plot.ts'), PLUGIN)
    const tsc = join(MODULES, '.bin', 'tsc')
    const check = () =>
      run(tsc, ['-p', folder]).then(
        ({ stdout }) => stdout,
        error => String(error.stdout),
      )
    assert.equal(await check(), '')
    writeFileSync(join(folder, 'plot.ts'), PLUGIN.replace('file.path', 'file.pfad'))
    assert.match(await check(), /plot\.ts\(\d+,\d+\): error TS\d+: Property 'pfad' does not exist/)
  })
})
