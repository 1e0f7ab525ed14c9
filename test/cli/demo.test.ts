import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { runCli, startCli } from '../support/cli.ts'
import { makeTree, readTree, removeTree } from '../support/trees.ts'

/** What dfsp left in the folder for temporary files; tsx keeps its cache there. */
const left = (tmp: string) => readdirSync(tmp).filter(name => name.startsWith('dfsp-'))

describe('demo', { concurrency: 3 }, () => {
  test('shows five files processed and one failed, ends with 0 and leaves nothing behind', async () => {
    const tmp = makeTree()
    const result = await runCli(['demo'], { env: { TMPDIR: tmp } })
    assert.equal(result.code, 0, result.stderr)
    assert.equal(result.stderr, '')
    assert.match(result.stdout, /Sent 6 files, .* as 2\d\d chunks/)
    assert.equal(result.stdout.match(/^ {2}ok {5}a\/scan_0\d\.csv/gm)?.length, 5)
    assert.equal(result.stdout.match(/^ {2}retry {2}bad\.csv/gm)?.length, 2)
    assert.match(
      result.stdout,
      /^ {2}FAIL {3}bad\.csv after 3 attempts: no numbers in column 1 at plot\.ts:/m,
    )
    assert.match(result.stdout, /dfsp init plugin plot/)
    assert.match(result.stdout, /5 MiB per partition/)
    assert.deepEqual(left(tmp), [])
    removeTree(tmp)
  })

  test('--json gives files and summaries as objects', async () => {
    const result = await runCli(['demo', '--json'])
    assert.equal(result.code, 0, result.stderr)
    const lines = result.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const [sent, run] = lines.filter(line => line.type === 'summary')
    assert.deepEqual([sent.files, run.done, run.failed, run.exit], [6, 5, 1, 0])
    assert.equal(lines.at(-1), run)
  })

  test('--hold gives a broker that other processes can use, until Ctrl-C', async () => {
    const holder = startCli(['demo', '--hold'])
    const [, brokers = ''] = await holder.waitFor(/^BROKERS=(\S+)$/m)
    const folder = makeTree({ 'in/mine.csv': '1,2' })
    const sent = await runCli(['upload', 'in', '-t', 'mine', '-b', brokers], { cwd: folder })
    assert.equal(sent.code, 0, sent.stderr)
    const runs = await Promise.all(
      ['mine', 'demo'].map(topic =>
        runCli(['run', '-p', 'save', '-t', topic, '-b', brokers, '-o', topic, '--until-end'], {
          cwd: folder,
        }),
      ),
    )
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr)
    assert.deepEqual(Object.keys(readTree(join(folder, 'mine'), { without: ['LOGS'] })), ['mine.csv'])
    assert.equal(Object.keys(readTree(join(folder, 'demo'), { without: ['LOGS'] })).length, 6)
    holder.kill('SIGINT')
    const { code, stdout } = await holder.done
    assert.equal(code, 0)
    assert.match(stdout, /^BROKERS=\S+\n$/)
    removeTree(folder)
  })

  test('Ctrl-C ends it with 130 and leaves nothing behind', async () => {
    const tmp = makeTree()
    const cli = startCli(['demo'], { env: { TMPDIR: tmp } })
    await cli.waitFor(/joining group/)
    cli.kill('SIGINT')
    assert.equal((await cli.done).code, 130)
    assert.deepEqual(left(tmp), [])
    removeTree(tmp)
  })
})
