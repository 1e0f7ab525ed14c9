import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cli, runCli, startCli } from '../support/cli.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { makeTree, removeTree } from '../support/trees.ts'

const PLOT = `
import { LIMIT } from './limit.ts'
export default (file, ctx) => {
  ctx.logger.info(\`\${file.name} with \${LIMIT}\`)
  return LIMIT > 2 ? null : new Error('over the limit')
}
`
const limit = (value: number) => `export const LIMIT = ${value}\n`

describe('--watch', { concurrency: 2 }, () => {
  let mock: MockCluster
  before(async () => {
    mock = await startMock()
  })
  after(() => mock.end())

  function folderWithPlot(t: { after(work: () => Promise<void>): void }): [string, (cli: Cli) => Cli] {
    const folder = makeTree({
      'package.json': '{"type":"module"}',
      'plot.ts': PLOT,
      'limit.ts': limit(1),
      'a.csv': '1',
      'b.csv': '1',
    })
    let started: Cli | undefined
    t.after(async () => {
      started?.kill('SIGKILL')
      await started?.done.catch(() => {})
      removeTree(folder)
    })
    return [
      folder,
      cli => {
        started = cli
        return cli
      },
    ]
  }

  test('try runs all files again when the plugin or what it imports changes, until Ctrl-C', async t => {
    const [folder, own] = folderWithPlot(t)
    const cli = own(startCli(['try', './plot.ts', 'a.csv', '--watch'], { cwd: folder }))
    await cli.waitFor(/FAIL a\.csv {2}over the limit/)
    await cli.waitFor(/waiting for a change/)
    fs.writeFileSync(join(folder, 'limit.ts'), limit(3))
    await cli.waitFor(/limit\.ts changed/)
    await cli.waitFor(/a\.csv with 3/)
    await cli.waitFor(/(?:waiting for a change[\s\S]*){2}/)
    fs.writeFileSync(join(folder, 'plot.ts'), `${PLOT}const x = ;\n`)
    await cli.waitFor(/\.\/plot\.ts does not compile \[E_PLUGIN\]\n {2}plot\.ts:\d+:\d+ Unexpected ";"/)
    await cli.waitFor(/(?:waiting for a change[\s\S]*){3}/)
    fs.writeFileSync(join(folder, 'plot.ts'), PLOT.replace(' with ', ' again with '))
    await cli.waitFor(/a\.csv again with 3/)
    await cli.waitFor(/(?:waiting for a change[\s\S]*){4}/)
    cli.kill('SIGINT')
    assert.equal((await cli.done).code, 0)
  })

  test('run loads the plugin anew when it changes, and keeps the old one where it does not compile', async t => {
    const [folder, own] = folderWithPlot(t)
    const upload = async (name: string) => {
      const sent = await runCli(['upload', name, '-t', 'plots', '-b', mock.brokers], { cwd: folder })
      assert.equal(sent.code, 0, sent.stderr)
    }
    await upload('a.csv')
    const cli = own(
      startCli(['run', '-p', './plot.ts', '-t', 'plots', '-b', mock.brokers, '--watch', '-v'], {
        cwd: folder,
      }),
    )
    await cli.waitFor(/a\.csv with 1/)
    fs.writeFileSync(join(folder, 'plot.ts'), 'export default (')
    await cli.waitFor(/\.\/plot\.ts does not compile: plot\.ts:\d+:\d+ [^\n]+; the plugin as it was goes on/)
    fs.writeFileSync(join(folder, 'plot.ts'), PLOT.replace(' with ', ' at last with '))
    await cli.waitFor(/plot\.ts changed: the plugin was loaded anew/)
    fs.writeFileSync(join(folder, 'limit.ts'), limit(3))
    await cli.waitFor(/limit\.ts changed: the plugin was loaded anew/)
    // The file that failed before is tried again, by the plugin as it is now.
    await cli.waitFor(/ok a\.csv/)
    await upload('b.csv')
    await cli.waitFor(/b\.csv at last with 3/)
    await cli.waitFor(/ok b\.csv/)
    cli.kill('SIGINT')
    const { code, stderr } = await cli.done
    assert.equal(code, 0, stderr)
    assert.match(stderr, /summary done=2 failed=0/)
  })
})
