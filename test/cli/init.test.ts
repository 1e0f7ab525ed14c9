import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SAMPLES } from '../../src/cli/init/templates.ts'
import { dfsp, folder } from './world.ts'

test('init plugin writes a plugin, samples and a config file, and says what to do next', async t => {
  const cwd = folder(t)
  const { exit, stdout } = await dfsp(['init', 'plugin', 'my-plot'], cwd)
  assert.equal(exit, 0)
  assert.match(
    stdout,
    /^wrote my-plot.ts, my-plot.test.ts, samples\/scan_01.csv, samples\/scan_02.csv, samples\/bad.csv, dfsp.config\n/,
  )
  assert.match(
    stdout,
    /Next: {2}dfsp try .\/my-plot.ts samples\/\*.csv\n +dfsp run -p .\/my-plot.ts -t TOPIC\n$/,
  )
  assert.equal(statSync(join(cwd, 'my-plot.ts')).mode & 0o111, 0o111)
})

test('the plugin processes its samples, and fails on the bad one with a reason', async t => {
  const cwd = folder(t, { 'package.json': '{"type":"module"}' })
  await dfsp(['init', 'plugin', 'my-plot'], cwd)
  const module = await import(pathToFileURL(join(cwd, 'my-plot.ts')).href)
  const logged: unknown[] = []
  const ctx = {
    options: { column: 1 },
    logger: { info: (_: string, fields: unknown) => logged.push(fields) },
  }
  const results = []
  for (const [path, text] of Object.entries(SAMPLES)) {
    results.push([path, (await module.default({ path, text: () => text }, ctx))?.message ?? null])
  }
  assert.deepEqual(results, [
    ['scan_01.csv', null],
    ['scan_02.csv', null],
    ['bad.csv', 'no numbers in column 1'],
  ])
  assert.deepEqual(logged[1], { file: 'scan_02.csv', n: 3, max: 2210 })
  assert.deepEqual(module.options.column.default, 1)
})

test('the plugin passes the test that comes with it, in a folder of either package type', async t => {
  for (const tree of [{ 'package.json': '{"type":"module"}' }, {}]) {
    const cwd = folder(t, tree)
    await dfsp(['init', 'plugin', 'my-plot'], cwd)
    mkdirSync(join(cwd, 'node_modules'))
    symlinkSync(fileURLToPath(new URL('../..', import.meta.url)), join(cwd, 'node_modules', 'dfsp'))
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const args = ['--import', import.meta.resolve('tsx'), '--test', 'my-plot.test.ts']
    const { status, stdout } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' })
    assert.equal(status, 0, stdout)
    assert.match(stdout, /pass 2/)
  }
})

test('what exists is left, and a plugin of that name is an error, unless forced', async t => {
  const cwd = folder(t, { 'dfsp.config': 'mine' })
  assert.match((await dfsp(['init', 'plugin'], cwd)).stdout, /^wrote plot.ts, plot.test.ts, samples/)
  assert.equal(readFileSync(join(cwd, 'dfsp.config'), 'utf8'), 'mine')
  writeFileSync(join(cwd, 'plot.ts'), 'changed')
  assert.equal((await dfsp(['init', 'plugin', 'plot'], cwd)).error?.message, 'plot.ts exists')
  assert.equal(readFileSync(join(cwd, 'plot.ts'), 'utf8'), 'changed')
  assert.equal((await dfsp(['init', 'plugin', 'plot', '--force'], cwd)).exit, 0)
  assert.notEqual(readFileSync(join(cwd, 'plot.ts'), 'utf8'), 'changed')
  rmSync(join(cwd, 'plot.ts'))
  execFileSync('mkfifo', [join(cwd, 'plot.ts')])
  const { error } = await dfsp(['init', 'plugin', 'plot', '--force'], cwd)
  assert.match(error?.message ?? '', /plot\.ts is a pipe, a file is needed there/)
})

test('init config writes a file that config check accepts, also with everything switched on', async t => {
  const cwd = folder(t)
  assert.equal((await dfsp(['init', 'config'], cwd)).exit, 0)
  assert.equal((await dfsp(['config', 'check'], cwd)).exit, 0)
  const path = join(cwd, 'dfsp.config')
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/^# (\S+ = )/gm, '$1'))
  const { exit, stdout } = await dfsp(['config', 'check'], cwd, { DFSP_PASSWORD: 'p' })
  assert.equal(exit, 0)
  assert.match(stdout, /^ok .*\(1\d settings\)$/m)
})

test('a strange kind or name is refused', async t => {
  const cwd = folder(t)
  assert.equal((await dfsp(['init', 'plugn'], cwd)).error?.next, 'did you mean "plugin"?')
  assert.equal((await dfsp(['init', 'plugin', '../evil'], cwd)).exit, 2)
  assert.equal(existsSync(join(cwd, '../evil.ts')), false)
})
