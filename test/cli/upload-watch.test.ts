import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cli, runCli, startCli } from '../support/cli.ts'
import { type MockCluster, startMock } from '../support/mock.ts'
import { makeTree, removeTree } from '../support/trees.ts'
import { until } from '../support/until.ts'

let mock: MockCluster
before(async () => {
  mock = await startMock()
})
after(() => mock.end())

interface Watched {
  readonly data: string
  write(name: string, content?: string): void
  start(...args: string[]): Cli
  args(...more: string[]): string[]
}

let topics = 0
function watched(
  t: { after(work: () => Promise<void>): void },
  tree: Record<string, string> = {},
  settle = '200ms',
): Watched {
  const folder = makeTree()
  const data = join(folder, 'data')
  fs.mkdirSync(data)
  const write = (name: string, content = name) => {
    fs.mkdirSync(join(data, name, '..'), { recursive: true })
    fs.writeFileSync(join(data, name), content)
  }
  for (const [name, content] of Object.entries(tree)) write(name, content)
  const topic = `watch-${++topics}`
  const args = (...more: string[]) => [
    'upload',
    data,
    '-t',
    topic,
    '-b',
    mock.brokers,
    '--watch',
    '--settle',
    settle,
    '--json',
    ...more,
  ]
  const env = { XDG_STATE_HOME: join(folder, 'state') }
  const started: Cli[] = []
  t.after(async () => {
    for (const cli of started) cli.kill('SIGKILL')
    await Promise.allSettled(started.map(cli => cli.done))
    removeTree(folder)
  })
  return {
    data,
    write,
    args,
    start(...more) {
      const cli = startCli(args(...more), { env })
      started.push(cli)
      return cli
    },
  }
}

const sentBy = (cli: Cli): string[] =>
  [...cli.stdout().matchAll(/"path":"([^"]*)","result":"ok"/g)].map(match => match[1] as string)
const hasSent = (cli: Cli, ...paths: string[]) => until(() => paths.every(path => sentBy(cli).includes(path)))

async function stopped(cli: Cli, exit = 0): Promise<string[]> {
  cli.kill('SIGINT')
  const { code, stderr, stdout } = await cli.done
  assert.equal(code, exit, stderr)
  assert.match(stdout, new RegExp(`"type":"summary",.*"exit":${exit}\\}\n$`))
  return sentBy(cli).sort()
}

describe('upload --watch', { concurrency: 4 }, () => {
  test('sends what is there and what comes, in new folders and moved ones, and nothing hidden', async t => {
    const { data, write, start } = watched(t, { 'a.csv': '1' })
    const cli = start()
    await hasSent(cli, 'a.csv')
    write('new/deep/b.csv')
    write('.hidden')
    write('x.log')
    fs.mkdirSync(join(data, '..', 'elsewhere', 'sub'), { recursive: true })
    fs.writeFileSync(join(data, '..', 'elsewhere', 'sub', 'c.csv'), '3')
    fs.renameSync(join(data, '..', 'elsewhere'), join(data, 'moved'))
    fs.symlinkSync(join(data, '..'), join(data, 'loop'))
    fs.symlinkSync(join(data, 'a.csv'), join(data, 'link.csv'))
    await hasSent(cli, 'new/deep/b.csv', 'moved/sub/c.csv', 'link.csv')
    assert.deepEqual(await stopped(cli), ['a.csv', 'link.csv', 'moved/sub/c.csv', 'new/deep/b.csv'])
  })

  for (const way of [[], ['--poll']])
    test(`sends a file again when it has changed, and none half-written${way}`, async t => {
      const { data, start } = watched(t, { 'a.csv': '1' }, '1s')
      const cli = start(...way)
      await hasSent(cli, 'a.csv')
      const file = fs.openSync(join(data, 'grows.csv'), 'w')
      const timer = setInterval(() => fs.writeSync(file, 'row\n'), 20)
      await new Promise(resolve => setTimeout(resolve, 3_000)) // three times the settle time
      clearInterval(timer)
      const whole = fs.fstatSync(file).size
      fs.closeSync(file)
      fs.writeFileSync(join(data, 'a.csv'), '12')
      await until(() => sentBy(cli).filter(path => path === 'a.csv').length === 2)
      await hasSent(cli, 'grows.csv')
      assert.deepEqual(await stopped(cli), ['a.csv', 'a.csv', 'grows.csv'])
      assert.match(cli.stdout(), new RegExp(`"path":"grows.csv","result":"ok","bytes":${whole},`))
    })

  test('a file that goes away while it settles is not missed by anyone', async t => {
    const { data, write, start } = watched(t, {}, '2s')
    const cli = start()
    await cli.waitFor(/watching/)
    write('gone.csv')
    fs.rmSync(join(data, 'gone.csv'))
    write('stays.csv')
    await hasSent(cli, 'stays.csv')
    assert.deepEqual(await stopped(cli), ['stays.csv'])
    assert.doesNotMatch(cli.stderr(), /gone/)
  })

  for (const way of [[], ['--poll']])
    test(`a watched folder that goes away is told once, within 10 s, and when it is back, and is sent on then${way}`, async t => {
      const { data, write, start } = watched(t, { 'a.csv': '1', 'sub/b.csv': '1' })
      const cli = start(...way)
      await hasSent(cli, 'a.csv', 'sub/b.csv')
      fs.renameSync(data, `${data}-away`)
      await cli.waitFor(/warn watched folder \S+data does not exist: mount it or put it back/, 10_000)
      fs.renameSync(`${data}-away`, data)
      await cli.waitFor(/info watched folder \S+data is back: uploads go on/)
      write('sub/c.csv')
      await hasSent(cli, 'sub/c.csv')
      fs.rmSync(data, { recursive: true })
      await until(() => cli.stderr().match(/data does not exist/g)?.length === 2)
      write('d.csv')
      await hasSent(cli, 'd.csv')
      assert.deepEqual(await stopped(cli), ['a.csv', 'd.csv', 'sub/b.csv', 'sub/c.csv'])
      assert.equal(cli.stderr().match(/does not exist/g)?.length, 2, cli.stderr())
      assert.equal(cli.stderr().match(/is back/g)?.length, 2, cli.stderr())
    })

  test('after a restart only what is new or has changed is sent', async t => {
    const { write, start } = watched(t, { 'a.csv': '1', 'b.csv': '1' })
    const first = start()
    await hasSent(first, 'a.csv', 'b.csv')
    await stopped(first)
    write('b.csv', 'changed')
    write('c.csv')
    const second = start()
    await hasSent(second, 'c.csv', 'b.csv')
    assert.deepEqual(await stopped(second), ['b.csv', 'c.csv'])
  })

  test('--new-only leaves out what is there at the first start, not what came before the second', async t => {
    const { write, start } = watched(t, { 'old.csv': '1' })
    const first = start('--new-only')
    await first.waitFor(/left out what is there: 1 files/)
    await stopped(first)
    write('while-away.csv')
    const second = start('--new-only')
    await hasSent(second, 'while-away.csv')
    assert.deepEqual(await stopped(second), ['while-away.csv'])
    const third = start()
    await hasSent(third, 'old.csv')
    await stopped(third)
  })

  test('a second one for the same folder and topic ends with 75', async t => {
    const { start } = watched(t)
    const first = start()
    await first.waitFor(/watching/)
    const { code, stderr } = await start().done
    assert.equal(code, 75)
    assert.match(stderr, /is being watched for topic watch-\d+ already \[E_UPLOAD_BUSY\]\n {2}by process \d+/)
    await stopped(first)
  })

  test('a file that may not be read is told once and sent when it may', {
    skip: process.getuid?.() === 0 && 'root reads all',
  }, async t => {
    const { data, write, start } = watched(t)
    write('secret.csv')
    fs.chmodSync(join(data, 'secret.csv'), 0)
    const cli = start()
    await cli.waitFor(/failed secret.csv: may not be read/)
    await stopped(cli)
  })

  for (const way of [[], ['--poll']])
    test(`a name that cannot be sent is told once, counted, and ends with 3: there at the start, and come later${way}`, {
      skip: process.platform !== 'linux' && 'other systems take no such names',
    }, async t => {
      const { data, write, start } = watched(t, { 'a.csv': '1', 'back\\slash.csv': '2' })
      const put = (name: string) => fs.writeFileSync(Buffer.from(join(data, name), 'latin1'), 'x')
      put('bad\xff.dat')
      put('.hidden\xff')
      const cli = start(...way)
      await cli.waitFor(/failed .*bad\\xff\.dat: has a name that is not UTF-8/)
      await cli.waitFor(/failed .*back\\slash\.csv: .*contains .*, which readers refuse/)
      put('later\xe4.dat')
      await cli.waitFor(/failed .*later\\xe4\.dat: has a name that is not UTF-8/)
      fs.mkdirSync(Buffer.from(join(data, 'dir\xfe'), 'latin1'))
      put('dir\xfe/deep.dat')
      fs.mkdirSync(join(data, 'wakes'))
      write('wakes/b.csv')
      put('bad\xff.dat')
      await hasSent(cli, 'a.csv', 'wakes/b.csv')
      if (way.length > 0) await cli.waitFor(/failed .*dir\\xfe\/deep\.dat: lies in a folder/)
      assert.deepEqual(await stopped(cli, 3), ['a.csv', 'wakes/b.csv'])
      assert.equal(cli.stderr().match(/failed .*bad\\xff/g)?.length, 1, cli.stderr())
      assert.doesNotMatch(cli.stderr(), /hidden/)
      assert.match(cli.stdout(), /"type":"summary",.*"failed":[34],/)
    })

  for (const flag of ['--new-only', '--poll'])
    test(`${flag} without --watch is refused`, async () => {
      const { code, stderr } = await runCli(['upload', '.', '-t', 'x', flag])
      assert.equal(code, 2)
      assert.match(stderr, new RegExp(`${flag} needs --watch`))
    })
})
