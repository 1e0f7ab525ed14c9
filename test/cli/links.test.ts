/** What stands in the place of dfsp's own folders and files, before the start or while it runs. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { makeTree, readTree, removeTree } from '../support/trees.ts'

const NAMES = ['a.dat', 'b.dat', 'c.dat', 'd.dat']

/** With its first file it puts links to `outside` where `what` says, and makes there what dfsp would reach for. */
const PLUGIN = `import fs from 'node:fs'
import path from 'node:path'
import os from 'node:os'
const { WHAT, OUTSIDE } = process.env
let isDone = false
export default async (file, ctx) => {
  const own = path.join('.dfsp-tmp', os.hostname() + '-' + process.pid)
  if (!isDone) {
    isDone = true
    fs.renameSync(path.join(OUTSIDE, 'own'), path.join(OUTSIDE, path.basename(own)))
    const inOwn = fs.readdirSync(path.join(ctx.outputDir, own)).map(name => path.join(own, name))
    const logs = fs.readdirSync(path.join(ctx.outputDir, 'LOGS')).map(name => path.join('LOGS', name))
    const all = { tmp: ['.dfsp-tmp'], own: [own], files: inOwn, LOGS: ['LOGS'], logs }[WHAT]
    for (const name of all) {
      const at = path.join(ctx.outputDir, name)
      const isFile = fs.statSync(at).isFile()
      fs.renameSync(at, path.join(ctx.outputDir, 'away-' + path.basename(at)))
      const target = WHAT === 'own' ? path.join(OUTSIDE, path.basename(own)) : OUTSIDE
      fs.symlinkSync(isFile ? path.join(OUTSIDE, 'victim') : target, at)
    }
  }
  for (let i = 0; i < 50; i++) ctx.logger.info('x'.repeat(1000))
  await new Promise(resolve => setTimeout(resolve, 1200)) // a turn of the registries
  try {
    fs.readdirSync(ctx.tmpDir)
  } catch {}
  return null
}
`

describe('a link, pipe or folder in the place of what is dfsp’s own', { concurrency: 4 }, () => {
  let mock: MockCluster
  let logs = 0
  before(async () => {
    mock = await startMock()
  })
  after(async () => {
    await mock.end()
  })

  for (const [mode, swapped] of [
    ['memory', ['tmp', 'LOGS', 'logs']],
    ['disk', ['tmp', 'own', 'files']],
    ['both', ['tmp', 'own']],
  ] as const)
    for (const what of swapped)
      test(`--mode ${mode}, ${what}: nothing is written or removed where it leads`, async () => {
        const names = ['victim', 'file-1', 'file-2', 'spool', 'probe', 'p.log', 'whole-1'].flatMap(name => [
          name,
          `own/${name}`,
          `own/attempt-x/${name}`,
        ])
        const outside = makeTree(Object.fromEntries(names.map(name => [name, `my ${name}`])))
        const before = readTree(outside)
        const folder = makeTree({ 'p.mjs': PLUGIN })
        const topic = `links-${mode}-${what}`
        await mock.produceRaw(
          topic,
          NAMES.flatMap(path => recordsOf({ path, content: randomBytes(200_000), chunkSize: 50_000 })),
        )
        const result = await runCli(
          [
            ...['run', '-p', './p.mjs', '-b', mock.brokers, '-t', topic, '-g', topic, '--mode', mode],
            ...['--threads', '1', '--until-end', '--max-time', '10s', '-o', 'out'],
          ],
          { cwd: folder, env: { WHAT: what, OUTSIDE: outside } },
        )
        assert.ok([0, 3, 75].includes(result.code ?? -1), result.stderr)
        const own = fs.readdirSync(outside).find(name => name.startsWith(`${hostname()}-`)) as string
        fs.renameSync(join(outside, own), join(outside, 'own'))
        assert.deepEqual(readTree(outside), before)
        removeTree(folder)
        removeTree(outside)
      })

  for (const put of [
    (at: string) => execFileSync('mkfifo', [at]),
    (at: string) => fs.symlinkSync('/etc/passwd', at),
    (at: string) => fs.mkdirSync(at),
  ])
    test(`in the place of the log before the start, it is told once and the run goes on: ${put}`, async () => {
      const folder = makeTree({ 'p.mjs': 'export default async () => null\n' })
      const log = join(folder, 'out', 'LOGS', 'p.log')
      fs.mkdirSync(join(log, '..'), { recursive: true })
      put(log)
      const topic = `log-${logs++}`
      await mock.produceRaw(topic, recordsOf({ path: 'a.dat', content: randomBytes(10), chunkSize: 10 }))
      const { code, stderr } = await runCli(
        ['run', '-p', './p.mjs', '-b', mock.brokers, '-t', topic, '--until-end', '-o', 'out'],
        { cwd: folder },
      )
      assert.equal(code, 0, stderr)
      assert.match(stderr, /the log file cannot be written: \S+out\/LOGS\/p\.log is a .*: remove it/)
      assert.equal(stderr.match(/p\.log is a/g)?.length, 1, stderr)
      removeTree(folder)
    })
})
