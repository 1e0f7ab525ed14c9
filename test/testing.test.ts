import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Context, DataFile } from 'dfsp'
import { fileFrom, runPlugin } from 'dfsp/testing'
import { makeTree, removeTree } from './support/trees.ts'

const file = fileFrom({ path: 'run7/scan.csv', content: '1,2\n', mtime: new Date(1_700_000_000_000) })

describe('dfsp/testing', () => {
  test('a file tells what it would tell in a run', () => {
    const { path, name, subdir, size, topic, attempt, diskPath } = file
    assert.deepEqual(
      { path, name, subdir, size, topic, attempt, diskPath },
      {
        path: 'run7/scan.csv',
        name: 'scan.csv',
        subdir: 'run7',
        size: 4,
        topic: 'test',
        attempt: 1,
        diskPath: undefined,
      },
    )
    assert.equal(file.text(), '1,2\n')
    assert.equal(file.sha512.length, 128)
  })

  test('its time is exact, and its deliveryId that of a run which gets it in chunks of 512 KiB', async () => {
    const at = new Date(1_700_000_000_123)
    assert.deepEqual(fileFrom({ path: 'a', content: '', mtime: at }).mtime, at)
    const bytes = Buffer.alloc(600_000)
    const fileHash = createHash('sha512').update(bytes).digest()
    const hash = createHash('sha256').update(`xrd\0run/b\0${2}\0${fileHash.toString('hex')}`)
    let given = ''
    const plugin = {
      default({ deliveryId }: DataFile) {
        given = deliveryId
        return null
      },
    }
    await runPlugin(plugin, fileFrom({ path: 'run/b', content: bytes }), { topic: 'xrd' })
    assert.equal(given, hash.digest('hex').slice(0, 32))
  })

  test('a file from disk has its content and time, and the path that was given', t => {
    const folder = makeTree({ 'samples/a.csv': '1' }, 1_700_000_000)
    t.after(() => removeTree(folder))
    const found = fileFrom(join(folder, 'samples/a.csv'))
    assert.deepEqual([found.path, found.text(), found.mtime], ['a.csv', '1', new Date(1_700_000_000_000)])
    assert.equal(fileFrom('./package.json').path, 'package.json')
  })

  test('the hooks run around one attempt, and what the plugin gives out is returned', async () => {
    const calls: string[] = []
    const plugin = {
      options: { column: { type: 'number', default: 1 } },
      setup: (ctx: Context) => {
        calls.push('setup')
        return { section: ctx.config.section('lab').name, own: ctx.config.unit }
      },
      async default(given: DataFile, ctx: Context<{ column: { type: 'number'; default: 1 } }>) {
        fs.writeFileSync(join(ctx.tmpDir, 'scratch'), '')
        await ctx.lock(() => ctx.produce({ key: given.path, value: JSON.stringify(ctx.state) }))
        ctx.logger.info('column', { column: ctx.options.column })
        return new Error('no peak')
      },
      onFailure: (_: DataFile, error: Error, ctx: Context) =>
        void calls.push(`onFailure ${error.message} ${ctx.final}`),
      teardown: () => void calls.push('teardown'),
    } as const
    const { result, produced, logged, outputDir } = await runPlugin(plugin, file, {
      options: { column: 2 },
      config: { lab: { name: 'A' }, plugin: { unit: 'mm' } },
    })
    assert.equal(result?.message, 'no peak')
    assert.deepEqual(calls, ['setup', 'onFailure no peak true', 'teardown'])
    assert.deepEqual(produced, [{ key: 'run7/scan.csv', value: '{"section":"A","own":"mm"}' }])
    assert.deepEqual(logged, [{ level: 'info', message: 'column', fields: { column: 2 } }])
    assert.deepEqual(fs.readdirSync(outputDir), [])
  })

  for (const [answer, message] of [
    [undefined, /^returned undefined; return null when done/],
    [true, /^returned true/],
    [{}, /^returned an object \(Object\)/],
  ] as const)
    test(`an answer of ${JSON.stringify(answer)} is a failure, as in a run`, async () => {
      const { result } = await runPlugin({ default: () => answer }, file)
      assert.match(result?.message ?? '', message)
    })

  test('what is thrown is the result, what setup throws is thrown', async () => {
    const thrower = () => {
      throw new TypeError('x is not a function')
    }
    assert.equal((await runPlugin({ default: thrower }, file)).result?.message, 'x is not a function')
    await assert.rejects(runPlugin({ default: () => null, setup: thrower }, file), TypeError)
  })

  test('in disk mode the plugin has the file on disk, and may delete it', async () => {
    const plugin = {
      default(given: DataFile) {
        assert.equal(fs.readFileSync(given.diskPath as string, 'utf8'), '1,2\n')
        fs.rmSync(given.diskPath as string)
        return null
      },
    }
    assert.equal((await runPlugin(plugin, file, { mode: 'disk' })).result, null)
  })

  for (const [what, options, message] of [
    ['unknown', { colunm: 1 }, /no option "colunm": did you mean "column"\?/],
    ['missing', {}, /needs the option "column"/],
    ['not one of its choices', { column: 1, unit: 'inch' }, /option "unit": inch is none of mm, cm/],
  ] as const)
    test(`an option that is ${what} is refused`, async () => {
      const plugin = {
        default: () => null,
        options: {
          column: { type: 'number', demandOption: true },
          unit: { type: 'string', choices: ['mm', 'cm'] },
        },
      } as const
      await assert.rejects(runPlugin(plugin, file, { options }), { message })
    })
})
