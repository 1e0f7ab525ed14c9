/** `dfsp run` in a real terminal: the live block, keys, and the terminal as it was when it ends. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isAlive } from '../../src/base/alive.ts'
import { recordsOf } from '../support/files.ts'
import { startMock } from '../support/mock.ts'
import { steered } from '../support/steered.ts'
import { noTerminal, openTerminal } from '../support/terminal.ts'
import { until } from '../support/until.ts'

const PLUGIN = fileURLToPath(import.meta.resolve('../fixtures/steered.mjs'))
const KEYS = import.meta.resolve('../../dist/cli/terminal/keys.js')

async function world(t: TestContext, topic: string, columns = 100) {
  const mock = await startMock()
  t.after(() => mock.end())
  const plugin = steered()
  t.after(() => plugin.end())
  const put = (path: string, chunks = 3) =>
    mock.produceRaw(topic, recordsOf({ path, content: randomBytes(3_000) }).slice(0, chunks))
  const terminal = openTerminal(columns)
  t.after(() => terminal.end())
  const soon = '-X session.timeout.ms=4000 -X heartbeat.interval.ms=500'
  const line = `STEER=${plugin.folder} dfsp run -p ${PLUGIN} -b ${mock.brokers} -t ${topic} -o ${join(plugin.folder, 'out')} ${soon} --retries 0`
  const enter = (text: string) => terminal.type(text, 'Enter')
  return { plugin, put, terminal, line, enter }
}

const titles = (lines: readonly string[]) => lines.filter(line => line.includes(' · group dfsp.')).length

describe('run on a terminal', { skip: noTerminal, concurrency: 3 }, () => {
  test('the block stays below the log at every width, keys tell and quit, the summary is last', async t => {
    const { plugin, put, terminal, line, enter } = await world(t, 'block')
    plugin.order({ 'slow.dat': 'wait', 'bad.dat': 'fail' })
    for (const path of ['a.dat', 'bad.dat', 'slow.dat']) await put(path)
    enter(`clear; ${line}; stty -a | grep -o -- '-*icanon'`)
    await terminal.shows(/ 1 done {3}1 failed .* 1 running [\s\S]*running: slow\.dat/)
    const screen = terminal.screen()
    assert.match(screen.at(-1) ?? '', /^ running: slow\.dat/)
    assert.equal(titles(screen), 1)
    assert.ok(screen.findIndex(l => /failed bad\.dat after 1 try/.test(l)) < screen.length - 3)
    assert.ok(terminal.coloured().includes('\u001b[3'))

    await put('part.dat', 2)
    await terminal.shows(/running: slow\.dat .* assembling: part\.dat 66 %/)
    assert.match(
      terminal.screen().join('\n'),
      /^\S* · group dfsp\.\S+ · 2 threads · [\d:]+ {3,}broker 127\.0\.0\.1:\d+ ok$/m,
    )

    for (const columns of [38, 120, 60]) {
      terminal.resize(columns, 24)
      await put(`at-${columns}.dat`)
      await terminal.shows(new RegExp(` ${{ 38: 2, 120: 3, 60: 4 }[columns]} done`))
      assert.equal(titles(terminal.screen()), 1, terminal.screen().join('\n'))
    }
    terminal.resize(100, 24)

    terminal.type('?')
    await terminal.shows(/keys: c = how it stands/)
    terminal.type('c')
    await terminal.shows(
      /status: running\n {2}files: 4 done, 1 failed, .* 1 running, 1 held[\s\S]*running: slow\.dat/,
    )

    terminal.type('C-z')
    await terminal.shows(/Stopped/)
    enter("stty -a | grep -o -- '-*icanon' | sed s/^/stopped:/")
    await terminal.shows(/^stopped:icanon/m)
    enter('clear; fg')
    await terminal.shows(/ 4 done/)
    terminal.type('c')
    await terminal.shows(/status: running/)

    plugin.order({})
    await plugin.until('end', 'slow.dat')
    terminal.type('q')
    await terminal.shows(/summary/)
    await terminal.shows(/^\$ *$/m)
    const rest = terminal.screen()
    assert.match(rest.join('\n'), /summary done=5 failed=1 [\s\S]*exit=0 incomplete_files=part\.dat\s+\$/)
    assert.equal(titles(rest), 0, 'the block is gone')
  })

  test('Ctrl-C drains, a second one ends the run at once, and the terminal is as it was', async t => {
    const { plugin, put, terminal, line, enter } = await world(t, 'twice')
    plugin.order({ 'slow.dat': 'wait' })
    await put('slow.dat')
    enter(`${line}; echo "status $?"; stty -a | grep -o -- '-*icanon'`)
    await terminal.shows(/running: slow\.dat/)
    terminal.type('C-c')
    await terminal.shows(/SIGINT: finishing what runs/)
    terminal.type('C-c')
    await terminal.shows(/^\$ *$/m)
    enter("stty -a | grep -o -- '-*icanon' | sed s/^/now:/")
    await terminal.shows(/^now:icanon/m)
  })

  test('in the background it is not stopped by the terminal, and without colours it uses none', async t => {
    const { plugin, put, terminal, line, enter } = await world(t, 'background')
    await put('a.dat')
    enter(`NO_COLOR=1 ${line} &`)
    await terminal.shows(/ 1 done/)
    enter('jobs')
    await terminal.shows(/Running/)
    assert.ok(!terminal.coloured().includes('\u001b['), terminal.coloured())
    await put('b.dat')
    await plugin.until('end', 'b.dat')
    enter('kill %1; wait')
    await terminal.shows(/summary done=2/)
  })

  test('a terminal that takes nothing (Ctrl-S) does not hold up a stop', async t => {
    const { plugin, put, terminal, line, enter } = await world(t, 'held')
    await put('a.dat')
    const pidFile = join(plugin.folder, 'pid')
    const script = join(plugin.folder, 'held.sh')
    writeFileSync(
      script,
      `echo $$ > ${pidFile}\nexport STEER=${plugin.folder}\nexec ${line.replace(/^\S+ /, '')} -v </dev/null\n`,
    )
    enter(`sh ${script}`)
    await terminal.shows(/ 1 done/)
    const pid = Number(readFileSync(pidFile, 'utf8'))
    terminal.type('C-s')
    // Each of them is a line that the terminal does not take.
    for (let i = 0; i < 5; i++) {
      await put(`b${i}.dat`)
      await plugin.until('end', `b${i}.dat`)
    }
    process.kill(pid, 'SIGTERM')
    await until(() => !isAlive(pid))
    terminal.type('C-q')
    await terminal.shows(/^\$ *$/m)
  })

  test('a crash gives the terminal back', async t => {
    const { plugin, terminal, enter } = await world(t, 'crash')
    const program = join(plugin.folder, 'crash.mjs')
    writeFileSync(
      program,
      `import { readKeys } from '${KEYS}'\nreadKeys(process.stdin, () => { throw new Error('boom') })\nconsole.log('raw', process.stdin.isRaw)\n`,
    )
    enter(`node ${program}`)
    await terminal.shows(/raw true/)
    terminal.type('x')
    await terminal.shows(/Error: boom/)
    enter("stty -a | grep -o -- '-*icanon' | sed s/^/now:/")
    await terminal.shows(/^now:icanon/m)
  })
})

describe('status --watch on a terminal', { skip: noTerminal }, () => {
  test('each look is drawn over the last, leaves out partitions where there are few rows, and Ctrl-C ends it with 0', async t => {
    const { put, terminal, line, enter } = await world(t, 'watched')
    await put('a.dat')
    const brokers = /-b (\S+)/.exec(line)?.[1]
    enter(`clear; dfsp status -b ${brokers} -t watched -g g --watch --interval 200ms; echo "ended: $?"`)
    await terminal.shows(/^group g in watched[\s\S]*^3 +- [\s\S]*^lag 3 records/m)
    terminal.resize(30, 6)
    await terminal.shows(
      /^group g in watched: Dead, 0 m\nPARTITION.*\n0 .*\n… and 3 more partitions\nlag 3 records/,
    )
    terminal.resize(100, 24)
    await put('b.dat')
    await terminal.shows(/^3 +- [\s\S]*^lag 6 records/m)
    assert.equal(terminal.everything().match(/^group g/gm)?.length, 1)
    terminal.type('C-c')
    await terminal.shows(/ended: 0/)
  })
})

describe('a question on a terminal', { skip: noTerminal }, () => {
  test('y runs the plan; n and Ctrl-D do not; Ctrl-C is an interrupt, and the terminal is as it was', async t => {
    const { plugin, put, terminal, line, enter } = await world(t, 'asked')
    await put('a.dat')
    const asking = line.replace('dfsp run', 'dfsp replay').replace(' --retries 0', '')
    for (const [key, status] of [
      ['n', 0],
      ['C-d', 0],
      ['C-c', 130],
    ] as const) {
      enter(`clear; ${asking}`)
      await terminal.shows(/^Run 1 file again\? \[y\/N\]$/m)
      terminal.type(key, ...(key === 'n' ? ['Enter'] : []))
      await terminal.shows(/^\$$/m)
      enter('echo "ended: $?"')
      await terminal.shows(new RegExp(`^ended: ${status}$`, 'm'))
      assert.doesNotMatch(terminal.everything(), /internal error/)
    }
    assert.deepEqual(plugin.started(), [])
    enter(`clear; ${asking}; stty -a | grep -o -- '-*icanon'`)
    await terminal.shows(/^Run 1 file again\? \[y\/N\]$/m)
    terminal.type('y', 'Enter')
    await terminal.shows(/^icanon$/m)
    assert.deepEqual(plugin.ended(), ['a.dat'])
  })
})
