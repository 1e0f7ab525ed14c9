import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DfspError } from '../../src/base/errors.ts'
import type { Command } from '../../src/cli/command.ts'
import { SUMMARIES } from '../../src/cli/command-list.ts'
import { parseFlags } from '../../src/cli/flags.ts'
import { commandHelp } from '../../src/cli/help/help-text.ts'
import { invoke } from '../../src/cli/invocation.ts'
import { OPTIONS, optionsOf } from '../../src/config/options/options.ts'
import { dfsp, folder } from './world.ts'

test('without a command: a dozen lines or so with three examples, exit 2', async t => {
  const { exit, stdout, stderr } = await dfsp([], folder(t))
  assert.deepEqual([exit, stdout], [2, ''])
  assert.ok(stderr.trimEnd().split('\n').length <= 14)
  assert.equal(stderr.match(/^ {2}dfsp /gm)?.length, 3)
  for (const name of Object.keys(SUMMARIES).filter(each => each !== 'help'))
    assert.match(stderr, new RegExp(`^ +${name} |also:.* ${name}[,;]`, 'm'))
})

test('--help is the same on stdout, exit 0', async t => {
  const cwd = folder(t)
  const { stderr } = await dfsp([], cwd)
  assert.deepEqual(await dfsp(['--help'], cwd), { exit: 0, stdout: stderr, stderr: '', error: undefined })
})

test('an unknown command brings the nearest, a flag in its place how to put it right', async t => {
  const cwd = folder(t)
  const { error } = await dfsp(['uplaod'], cwd)
  assert.deepEqual([error?.message, error?.next], ['there is no command "uplaod"', 'did you mean "upload"?'])
  assert.equal((await dfsp(['xyz'], cwd)).error?.next, 'dfsp --help')
  assert.equal((await dfsp(['--json', 'config', 'path'], cwd)).error?.next, 'dfsp config --json …')
})

test('unknown flags bring the nearest, or the command to which they belong', async t => {
  const { error, exit } = await dfsp(['config', 'show', '--orgin', '--chunk-size', '1MiB'], folder(t))
  assert.equal(exit, 2)
  assert.deepEqual(error?.facts, [
    '--chunk-size: dfsp config has no such flag; it belongs to dfsp upload',
    '--orgin: dfsp config has no such flag; did you mean "--origin"?',
  ])
})

test('words too many or too few are errors', async t => {
  const cwd = folder(t)
  assert.equal((await dfsp(['config'], cwd)).error?.message, 'config: needs ACTION')
  const split = (await dfsp(['config', 'show', '-X', 'sasl.password', 'hunter2'], cwd)).error
  assert.equal(split?.message, '-X: "sasl.password" is not property=value')
  assert.equal(split?.next, '-X sasl.password=VALUE, as one word')
  assert.equal((await dfsp(['config', 'show', 'a', 'b'], cwd)).error?.message, 'config: does not take "b"')
})

test('-X list prints the properties of librdkafka', async t => {
  const { exit, stdout } = await dfsp(['config', 'show', '-X', 'list'], folder(t))
  assert.equal(exit, 0)
  assert.match(stdout, /^fetch.min.bytes +consumer +0..2147483647 \(default 1\)$/m)
})

test('every option is in the help of each of its commands, with default and variable', () => {
  for (const name of Object.keys(SUMMARIES) as (keyof typeof SUMMARIES)[]) {
    const help = commandHelp(commandStub(name), 80).replaceAll(/\s+/g, ' ')
    for (const option of optionsOf(name))
      assert.match(help, new RegExp(` --${option}[ ]`), `${name} --${option}`)
  }
  const help = commandHelp(commandStub('run'), 80)
  assert.match(
    help.replaceAll(/\s+/g, ' '),
    /-j, --threads N threads that [^[]*\(default 2\) \[DFSP_THREADS\]/,
  )
  assert.doesNotMatch(help, /topic_name|heartbeat_/)
  assert.ok(
    help.split('\n').every(line => line.length <= 80),
    'a line is too long',
  )
  assert.match(help, /Examples:\n {2}dfsp run -p x {3}an example\n$/)
})

test('one letter stands for one option in each command', () => {
  for (const name of Object.keys(SUMMARIES) as (keyof typeof SUMMARIES)[]) {
    const letters = optionsOf(name).flatMap(option =>
      'alias' in OPTIONS[option] ? [OPTIONS[option].alias] : [],
    )
    assert.equal(new Set([...letters, 'h']).size, letters.length + 1, name)
  }
})

function commandStub(name: keyof typeof SUMMARIES): Command {
  return {
    name,
    describe: 'Does something.',
    examples: [[`dfsp ${name} -p x`, 'an example']],
    takesPlugin: true,
    run: async () => 0,
  }
}

const PLUGIN = {
  file: 'plot.ts',
  options: { column: { type: 'number', default: 1, describe: 'a column' } },
} as const

async function pluginValues(t: Parameters<typeof folder>[0], argv: readonly string[], files = {}, env = {}) {
  const cwd = folder(t, files)
  const command: Command = {
    ...commandStub('try'),
    positionals: [
      { name: 'PLUGIN', describe: '', required: true },
      { name: 'FILE', describe: '', many: true },
    ],
  }
  const world = { stdout: process.stdout, stderr: process.stderr, cwd, env: { HOME: cwd, ...env } }
  const { invocation, unclaimed } = invoke(command, argv, await parseFlags(argv, 'try'), world)
  const before = unclaimed()
  const values = await invocation.pluginOptions(PLUGIN)
  return { before, values, positionals: invocation.positionals }
}

test("a plugin's flags wait until the plugin is known", async t => {
  assert.deepEqual(await pluginValues(t, ['plot.ts', 'a.csv', '--column', '3', 'b.csv']), {
    before: ['column'],
    values: { column: 3 },
    positionals: { PLUGIN: ['plot.ts'], FILE: ['a.csv', 'b.csv'] },
  })
})

test("a plugin's options come from variables and the config file, too", async t => {
  const files = { 'dfsp.config': '[plugin]\ncolumn = 4\n' }
  assert.deepEqual((await pluginValues(t, ['plot.ts'], files)).values, { column: 4 })
  assert.deepEqual((await pluginValues(t, ['plot.ts'], files, { DFSP_PLUGIN_COLUMN: '5' })).values, {
    column: 5,
  })
})

test('a flag that neither dfsp nor the plugin knows is an error of the second pass', async t => {
  await assert.rejects(pluginValues(t, ['plot.ts', '--colum', '3']), (error: unknown) => {
    assert.ok(error instanceof DfspError)
    assert.equal(error.message, '--colum: neither dfsp try nor plot.ts has such a flag')
    assert.equal(error.next, 'did you mean "--column"?')
    return true
  })
})

test("a plugin's options are in the help under its file name", () => {
  assert.match(
    commandHelp(commandStub('run'), 80, PLUGIN),
    /^plot.ts:\n +--column NUMBER +a column \(default 1\) \[DFSP_PLUGIN_COLUMN\]$/m,
  )
})

test('a mistyped flag is told where something is missing', async t => {
  const { error, exit } = await dfsp(['run', '--plugn', './plot.ts', '-t', 'xrd'], folder(t))
  assert.equal(exit, 2)
  assert.equal(error?.message, 'no plugin given')
  assert.ok(error?.facts.includes('--plugn: dfsp run has no such flag; did you mean "--plugin"?'))
})
