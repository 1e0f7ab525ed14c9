import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CliResult, runCli, startCli } from '../support/cli.ts'
import { makeTree, removeTree } from '../support/trees.ts'

const BIG = randomBytes(300_000)
const FILES = {
  'samples/a.csv': '1,2\n',
  'samples/b.csv': 'none\n',
  'samples/deep/er/c.csv': '3,4\n',
  'samples/.hidden.csv': 'x',
  'big.raw': BIG,
  'plot.mjs': `
    export const options = { column: { type: 'number', default: 1 } }
    export default (file, ctx) => {
      const value = Number(file.text().split(',')[ctx.options.column])
      return Number.isFinite(value) ? null : new Error('no numbers in column ' + ctx.options.column)
    }`,
  'tell.mjs': `
    export default async (file, ctx) => {
      await ctx.produce({ topic: 'out', key: file.path, value: file.sha512 })
      await ctx.produce({ value: new Uint8Array([0, 255]) })
      ctx.logger.info('told', { at: file.diskPath ?? 'memory', bytes: file.bytes.length })
      return null
    }`,
  'slow.mjs': `
    export default (file, ctx) => {
      ctx.logger.info('started')
      return new Promise(() => setInterval(() => {}, 1000))
    }`,
  'patient.mjs': `
    const moment = () => new Promise(resolve => setTimeout(resolve, 3_500)) // a file is looked at once a second
    await moment()
    export const setup = moment
    export const teardown = moment
    export default async () => (await moment(), null)`,
  'exits.mjs': `
    export default file => (file.path.endsWith('a.csv') ? process.exit(0) : null)`,
  'never.mjs': `
    await new Promise(() => {})
    export default () => null`,
  'broken.mjs': `export const main = 1`,
  'folder/index.mjs': 'export default () => null',
}

let folder: string
before(() => {
  folder = makeTree(FILES)
})
after(() => removeTree(folder))

const tryOut = (...args: string[]) => runCli(['try', ...args], { cwd: folder })
const jsonLines = ({ stdout }: CliResult) =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

describe('try', { concurrency: 4 }, () => {
  test('says ok or FAIL for each file, with the place in the plugin, and ends with 3', async () => {
    const result = await tryOut('./plot.mjs', 'samples/a.csv', 'samples/b.csv')
    assert.equal(result.code, 3, result.stderr)
    const lines = result.stdout.trim().split('\n').sort()
    assert.match(lines[0] as string, /^FAIL samples\/b\.csv {2}no numbers in column 1 \(plot\.mjs:5:\d+\)$/)
    assert.match(lines[1] as string, /^ok {3}samples\/a\.csv {2}\d+ ms$/)
    assert.match(result.stderr, /1 ok, 1 failed/)
  })

  test('walks folders and takes options of the plugin after its name', async () => {
    const result = await tryOut('./plot.mjs', 'samples', '--json', '--column', '0')
    assert.equal(result.code, 3)
    const lines = jsonLines(result)
    assert.deepEqual(
      lines
        .slice(0, -1)
        .map(line => [line.path, line.result])
        .sort(),
      [
        ['samples/a.csv', 'ok'],
        ['samples/b.csv', 'failed'],
        ['samples/deep/er/c.csv', 'ok'],
      ],
    )
    const { v, type, done, failed, exit } = lines.at(-1)
    assert.deepEqual({ v, type, done, failed, exit }, { v: 1, type: 'summary', done: 2, failed: 1, exit: 3 })
  })

  test('all is well: status 0, and no folder is left where nothing was written', async () => {
    const own = makeTree(FILES)
    const result = await runCli(['try', './plot.mjs', 'samples/a.csv'], { cwd: own })
    assert.equal(result.code, 0)
    assert.equal(existsSync(join(own, 'plot_output')), false)
    removeTree(own)
  })

  test('a folder without files is told', async () => {
    const own = makeTree({ 'save/.hidden': '' })
    const result = await runCli(['try', 'save', './save'], { cwd: own })
    assert.deepEqual([result.code, result.stdout], [0, ''])
    assert.match(result.stderr, /warn found no file to try\n$/)
    removeTree(own)
  })

  test('a file of several chunks reaches the plugin whole, in memory and on disk', async () => {
    for (const mode of ['memory', 'disk', 'both']) {
      const result = await tryOut('./tell.mjs', 'big.raw', '--mode', mode, '-o', `out-${mode}`, '--json')
      assert.equal(result.code, 0, result.stderr)
      const [produced] = jsonLines(result)
      assert.equal(produced.value, createHash('sha512').update(BIG).digest('hex'), mode)
      assert.match(result.stderr, /bytes=300000/)
      if (mode !== 'memory') assert.deepEqual(readFileSync(join(folder, `out-${mode}`, 'big.raw')), BIG)
    }
  })

  test('what the plugin produces is shown', async () => {
    const result = await tryOut('./tell.mjs', 'samples/a.csv')
    assert.match(result.stdout, /^ {2}-> out {2}samples\/a\.csv {2}[0-9a-f]{128}$/m)
    assert.match(result.stdout, /^ {2}-> \(--output-topic\) {2}\(no key\) {2}\(2 bytes\)$/m)
  })

  test('--produce-to appends it to a file', async () => {
    const result = await tryOut('./tell.mjs', 'samples/a.csv', '--produce-to', 'out.jsonl')
    assert.doesNotMatch(result.stdout, /->/)
    const lines = readFileSync(join(folder, 'out.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(lines[1], { topic: null, key: null, value: { base64: 'AP8=' } })
    assert.equal(lines[0].key, 'samples/a.csv')
  })

  test('a file outside the working directory has the path that upload would give it', async () => {
    const other = makeTree({ 'x/y.csv': '1,2' })
    const result = await tryOut('./plot.mjs', other, join(other, 'x/y.csv'), '--json')
    assert.deepEqual(
      jsonLines(result)
        .slice(0, -1)
        .map(line => line.path)
        .sort(),
      ['x/y.csv', 'y.csv'],
    )
    removeTree(other)
  })

  test('the same file twice is run twice', async () => {
    const result = await tryOut('./plot.mjs', 'samples/a.csv', 'samples/a.csv')
    assert.equal(result.stdout.match(/^ok /gm)?.length, 2)
  })

  test('--timeout fails a file that takes too long', async () => {
    const result = await tryOut('./slow.mjs', 'samples/a.csv', '--timeout', '200ms')
    assert.equal(result.code, 3)
    assert.match(result.stdout, /^FAIL samples\/a\.csv {2}timed out after 0\.2 s/)
  })

  test('whatever takes more than two seconds is told: module, setup, file, teardown', async () => {
    const { code, stderr } = await runCli(['try', './patient.mjs', 'samples/a.csv'], { cwd: folder })
    assert.equal(code, 0, stderr)
    const told = stderr
      .trimEnd()
      .split('\n')
      .map(line => line.replace(/^\S+ info /, ''))
    assert.deepEqual(told.slice(0, 2), ['loading ./patient.mjs', "the plugin's setup runs"])
    assert.match(told[2] ?? '', /^samples\/a\.csv takes its time: [23]\.\d s$/)
    assert.equal(told[3], "the plugin's teardown runs")
  })

  test('after a thread has died the other files run in its replacement', async () => {
    const result = await tryOut('exits.mjs', 'samples', '--threads', '1')
    assert.equal(result.code, 3, result.stderr)
    assert.deepEqual(result.stdout.match(/^(ok|FAIL)/gm), ['FAIL', 'ok', 'ok'])
  })

  test('Ctrl-C ends it with 130', async () => {
    const cli = startCli(['try', './slow.mjs', 'samples/', '--json', '-v'], { cwd: folder })
    await cli.waitFor(/started/)
    cli.kill('SIGINT')
    const result = await cli.done
    assert.equal(result.code, 130, result.stderr)
    assert.equal(jsonLines(result).at(-1).exit, 130)
  })

  test('an empty path is refused: of an unset variable it would mean the working directory', async () => {
    const result = await tryOut('plot.mjs', '')
    assert.equal(result.code, 2)
    assert.match(result.stderr, /is empty/)
  })

  test('wrong calls say what is wrong', async () => {
    const results = await Promise.all([
      tryOut('./nix.mjs', 'samples'),
      tryOut('./plot.mjs', 'nix.csv'),
      tryOut('./broken.mjs', 'samples'),
      tryOut('./plot.mjs', 'samples', '--colum', '1'),
      tryOut('./plot.mjs'),
      tryOut('./folder', 'samples'),
    ])
    // What takes longer than two seconds is told first.
    const told = results.map(({ code, stderr }) => `${code} ${stderr.replace(/^loading .*\n/, '')}`)
    assert.match(told[0] as string, /^66 dfsp: there is no plugin \.\/nix\.mjs/)
    assert.match(told[1] as string, /^66 dfsp: nix\.csv: does not exist \[E_NOT_FOUND\]/)
    assert.match(
      told[2] as string,
      /^78 dfsp: \.\/broken\.mjs has no default export \(exports: main\) \[E_PLUGIN\]/,
    )
    assert.match(told[3] as string, /^2 dfsp: .*--colum/)
    assert.match(told[4] as string, /^2 dfsp: try: needs FILE/)
    assert.match(told[5] as string, /^66 dfsp: .*\n.* is a directory: did you mean folder\/index\.mjs\?/)
  })

  test('--help lists the options of the plugin', async () => {
    const result = await tryOut('./plot.mjs', '--help')
    assert.match(result.stdout, /\.\/plot\.mjs:\n +--column NUMBER/)
  })
})
