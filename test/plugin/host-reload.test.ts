import assert from 'node:assert/strict'
import fs from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { DfspError } from '../../src/base/errors.ts'
import { folderOf } from './folder.ts'
import { type HostOptions, type OpenHost, openHost } from './hosts.ts'

type Test = Parameters<typeof openHost>[0] & { after(work: () => void): void }

/** Version `name` of a plugin, which logs it; a file whose content is "wait" takes until `<module>.go` exists. */
const version = (name: string, more = '') => `
  import fs from 'node:fs'
  import { setTimeout as delay } from 'node:timers/promises'
  export const options = { ${name}: { type: 'string' } }
  export const setup = ctx => { ctx.logger.info('setup ${name} ' + ctx.options.given); return '${name}' }
  export const teardown = ctx => ctx.logger.info('teardown ${name}')
  export default async (file, ctx) => {
    if (file.text() === 'wait') {
      ctx.logger.info('waits')
      while (!fs.existsSync(new URL('go', import.meta.url))) await delay(5)
    }
    ctx.logger.info(file.path + ' by ' + ctx.state)
    return null
  }
  ${more}`

async function openVersion(t: Test, options: HostOptions = {}) {
  const { 'plugin.mjs': pluginUrl } = folderOf(t, { 'plugin.mjs': version('one') })
  const open = await openHost(t, { ...options, pluginUrl, setup: { options: { given: 1 } } })
  return {
    ...open,
    write: (text: string) => fs.writeFileSync(fileURLToPath(pluginUrl), text),
    letGo: () => fs.writeFileSync(new URL('go', pluginUrl), ''),
    reload: () =>
      open.host.reload(async info => ({
        options: { given: Object.keys(info.options).join() },
        sections: {},
        outputDir: open.outputDir,
        tmpDir: `${open.outputDir}/.tmp`,
      })),
  }
}

const files = ({ messages }: OpenHost) => messages().filter(message => / by /.test(message))

describe('a module that is loaded anew', () => {
  test('is what processes files from then on, set up with what it exports now', async t => {
    const host = await openVersion(t)
    await host.run('', { path: 'a' })
    host.write(version('two'))
    const { options } = await host.reload()
    assert.deepEqual(Object.keys(options), ['two'])
    await host.run('', { path: 'b' })
    await host.logged(/^teardown one$/)
    assert.deepEqual(files(host), ['a by one', 'b by two'])
    assert.ok(host.messages().includes('setup two two'))
  })

  test('lets a thread of the old one finish its file, while others come to the new one', async t => {
    const host = await openVersion(t)
    const slow = host.run('wait', { path: 'slow' })
    await host.logged(/^waits$/)
    host.write(version('two'))
    await host.reload()
    await host.run('', { path: 'quick' })
    assert.ok(!host.messages().includes('teardown one'))
    host.letGo()
    assert.deepEqual(await slow, { kind: 'done' })
    await host.logged(/^teardown one$/)
    assert.deepEqual(files(host), ['quick by two', 'slow by one'])
  })

  test('gives back what an old thread had not begun', async t => {
    const host = await openVersion(t)
    for (let i = 0; i < 20; i++) await host.run('') // so fast that files are given ahead of time
    const results = [host.run('wait', { path: 'first' })]
    await host.logged(/^waits$/)
    results.push(host.run('', { path: 'second' }), host.run('', { path: 'third' }))
    host.write(version('two'))
    await host.reload()
    await Promise.all(results.slice(1))
    host.letGo()
    await Promise.all(results)
    const [last, ...taken] = files(host).slice(20).toReversed()
    assert.deepEqual([last, ...taken.sort()], ['first by one', 'second by two', 'third by two'])
  })

  for (const [what, text, message] of [
    ['does not compile', 'export default (', /does not compile/],
    ['exports no function', 'export const x = 1', /has no default export/],
    ['throws in setup', version('two').replace('return', 'throw'), /setup\(\) failed/],
    ['exits while it is imported', 'process.exit(3)', /ended its thread while it was imported/],
    ['exits in setup', version('two').replace('return', 'process.exit(3); return'), /setup\(\) failed/],
  ] as const)
    test(`that ${what} is refused, and the old one goes on`, async t => {
      const host = await openVersion(t, { threads: 2 })
      host.write(text)
      await assert.rejects(host.reload(), (error: DfspError) => {
        assert.equal(error.code, 'E_PLUGIN')
        assert.match(error.message, message)
        return true
      })
      await host.run('', { path: 'a' })
      assert.deepEqual(files(host), ['a by one'])
      host.write(version('three'))
      await host.reload()
      await host.run('', { path: 'b' })
      assert.deepEqual(files(host), ['a by one', 'b by three'])
    })

  test('whose settings are refused is not taken', async t => {
    const host = await openVersion(t)
    host.write(version('two'))
    const refused = new Error('no such option')
    await assert.rejects(
      host.host.reload(() => Promise.reject(refused)),
      refused,
    )
    await host.run('', { path: 'a' })
    assert.deepEqual(files(host), ['a by one'])
  })

  test('again and again, in the middle of files, loses none', async t => {
    const host = await openVersion(t, { threads: 2 })
    const results: Promise<unknown>[] = []
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++) results.push(host.run('', { path: `${round}.${i}` }))
      host.write(version(`v${round}`))
      await host.reload()
    }
    await Promise.all(results)
    const names = files(host).map(message => message.split(' ')[0])
    assert.equal(names.length, 100)
    assert.equal(new Set(names).size, 100)
  })
})
