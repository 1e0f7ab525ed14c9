import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DfspError } from '../../../src/base/errors.ts'
import {
  checkPluginOptions,
  mergePluginOptions,
  type PluginOptionSources,
  variableName,
} from '../../../src/config/options/plugin-options.ts'
import type { PluginOption } from '../../../src/core/plugin-option.ts'

function merge(options: Record<string, PluginOption>, sources: Partial<PluginOptionSources> = {}) {
  const all = {
    flags: new Map(),
    env: {},
    section: {},
    shownFile: 'dfsp.config',
    help: 'dfsp run -p ./plot.ts --help',
    ...sources,
  }
  return mergePluginOptions({ file: 'plot.ts', options }, all)
}

function failure(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof DfspError)
    return [`${error.exitCode} ${error.message}`, ...error.facts].join('\n')
  }
  return 'no failure'
}

test('flags beat the environment, which beats [plugin], which beats the default', () => {
  const options = { column: { type: 'number', default: 1 } } as const
  const env = { DFSP_PLUGIN_COLUMN: '3' }
  const section = { column: '2' }
  assert.deepEqual(merge(options), { column: 1 })
  assert.deepEqual(merge(options, { section }), { column: 2 })
  assert.deepEqual(merge(options, { section, env }), { column: 3 })
  assert.deepEqual(merge(options, { section, env, flags: new Map([['column', ['4']]]) }), { column: 4 })
})

test('texts become what the option declares', () => {
  const options = {
    n: { type: 'number' },
    on: { type: 'boolean' },
    s: { type: 'string' },
    a: { type: 'array' },
  } as const
  assert.deepEqual(merge(options, { section: { n: '1e3', on: 'True', s: '007', a: 'x, y' } }), {
    n: 1000,
    on: true,
    s: '007',
    a: ['x', 'y'],
  })
  assert.deepEqual(merge(options), { n: undefined, on: undefined, s: undefined, a: undefined })
  assert.deepEqual(merge(options, { flags: new Map([['a', ['x,y', 'z']]]) }).a, ['x,y', 'z'])
})

test('every wrong value is reported with its place', () => {
  const options: Record<string, PluginOption> = {
    column: { type: 'number' },
    kind: { type: 'string', choices: ['line', 'bar'] },
    title: { type: 'string', demandOption: true },
  }
  const flags = new Map([['column', ['three']]])
  assert.equal(
    failure(() => merge(options, { flags, section: { kind: 'pie' } })),
    [
      '2 3 settings are wrong',
      '--column: "three" is not a number',
      'plot.ts: needs the option "title"; --title, DFSP_PLUGIN_TITLE or [plugin] title',
      'dfsp.config: [plugin] kind: "pie" is none of line, bar',
    ].join('\n'),
  )
})

test("a name of dfsp's own, a type that there is not, and a word that is no flag are refused", () => {
  const options = { topic: { type: 'string' }, ok: { type: 'date', alias: ['t', 'a b'] } } as unknown
  const declared = { file: 'plot.ts', options: options as Record<string, PluginOption> }
  assert.equal(
    failure(() => checkPluginOptions(declared, new Set(['topic', 't']))),
    [
      '78 plot.ts: its options cannot be used',
      "topic: --topic is one of dfsp's own flags",
      'ok: type is none of string, number, boolean, array',
      "ok: -t is one of dfsp's own flags",
      'ok: "a b" cannot be a flag',
    ].join('\n'),
  )
})

test('names in either style have one variable', () => {
  assert.equal(variableName('maxRows'), 'DFSP_PLUGIN_MAX_ROWS')
  assert.equal(variableName('max-rows'), 'DFSP_PLUGIN_MAX_ROWS')
})
