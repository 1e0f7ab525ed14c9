/**
 * What can end or block a run, at each of its stages, with its exit status and its last line. A row is a line:
 *
 *     [what happens, at which stage, 'finite' or 'continuous', how it ends, its last line in the log, more]
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { CLEAN, PROGRAM } from '../support/cli.ts'
import { recordsOf } from '../support/files.ts'
import { type Steered, steered } from '../support/steered.ts'
import { noTerminal, openTerminal, type Terminal } from '../support/terminal.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'
import { until } from '../support/until.ts'

/** What the run is at when it happens. */
type Stage =
  | 'start'
  /** The address that it was given takes connections and says nothing. */
  | 'no answer'
  /** No file can be done before the cause has come. */
  | 'joining'
  /** Of one file the last chunk is missing. */
  | 'assembling'
  /** One file is in the plugin, which waits for the end of the cause; the others have been processed. */
  | 'in the plugin'
  /** The same, after SIGTERM. */
  | 'draining'
  /** All is processed and committed. */
  | 'all done'

interface Run {
  readonly plugin: Steered
  readonly topic: string
  /** Undefined on a terminal. */
  readonly child: ChildProcess | undefined
  readonly terminal: Terminal | undefined
  /** The log as the file has it. */
  log(): string
  /** Whatever waits in the plugin goes on. */
  goOn(): void
}

interface More {
  /** Where stdout and stderr lead; pipes unless given. */
  readonly to?: 'terminal' | 'full stdout' | 'full stderr' | 'full both'
  readonly args?: readonly string[]
  /** Text of another module than the steered plugin. */
  readonly plugin?: string
  /** Must be committed up to its end. */
  readonly all?: true
}

type Row = readonly [
  what: string,
  happens: (run: Run) => void | Promise<void>,
  at: Stage,
  kind: 'finite' | 'continuous',
  ends: number | NodeJS.Signals,
  last: RegExp,
  more?: More,
]

const signal = (name: NodeJS.Signals) => (run: Run) => {
  run.child?.kill(name)
  return until(() => run.log().includes(`${name}: `)).then(run.goOn)
}
const twice = (name: NodeJS.Signals) => async (run: Run) => {
  run.child?.kill(name)
  await until(() => run.log().includes(`${name}: `))
  run.child?.kill(name)
}
const also = (name: NodeJS.Signals) => (run: Run) => {
  run.child?.kill(name)
  run.goOn()
}
const unread = (name: 'stdout' | 'stderr', told: string) => async (run: Run) => {
  run.child?.[name]?.destroy()
  await until(() => run.log().includes(told))
  run.goOn()
}
const then = (first: Row[1], second: Row[1]) => async (run: Run) => {
  await first(run)
  await second(run)
}
const logged = (text: RegExp) => (run: Run) => until(() => text.test(run.log()))
const nothing = (run: Run) => run.goOn()
const closed = ({ terminal, goOn }: Run) => {
  terminal?.end()
  goOn()
}
const STDOUT_GONE = unread('stdout', 'nobody reads stdout any more')
const STDERR_GONE = unread('stderr', 'stderr cannot be written')
const OFTEN = { args: ['--stats', '200ms'], all: true } as const
/** The other file must be done within the time-out. */
const BLOCKED = {
  plugin:
    "import { execFileSync } from 'node:child_process'\nexport default f => (f.name === 'a.dat' ? execFileSync('sleep', ['600']) : null)",
  args: ['--stats', '200ms', '--timeout', '5s', '--drain-timeout', '1s'],
} as const

const done = (exit: number, files = '\\d+') =>
  new RegExp(`info summary done=${files} .* exit=${exit}( incomplete_files=.*)?$`)

const ROWS: readonly Row[] = [
  ['SIGTERM', signal('SIGTERM'), 'in the plugin', 'continuous', 0, done(0, '3'), { all: true }],
  ['SIGINT', signal('SIGINT'), 'in the plugin', 'continuous', 0, done(0, '3'), { all: true }],
  ['SIGHUP', signal('SIGHUP'), 'in the plugin', 'continuous', 0, done(0, '3'), { all: true }],
  ['SIGTERM', signal('SIGTERM'), 'in the plugin', 'finite', 143, done(143, '3'), { all: true }],
  ['SIGINT', signal('SIGINT'), 'in the plugin', 'finite', 130, done(130, '3'), { all: true }],
  ['SIGHUP', signal('SIGHUP'), 'in the plugin', 'finite', 129, done(129, '3'), { all: true }],
  [
    'SIGTERM twice',
    twice('SIGTERM'),
    'in the plugin',
    'continuous',
    'SIGTERM',
    /SIGTERM: finishing what runs/,
  ],
  ['a further SIGHUP', also('SIGHUP'), 'draining', 'continuous', 0, done(0, '3'), { all: true }],
  ['a second SIGINT', twice('SIGINT'), 'in the plugin', 'finite', 'SIGINT', /SIGINT: finishing what runs/],
  ['SIGTERM', signal('SIGTERM'), 'no answer', 'continuous', 0, done(0, '0')],
  ['SIGTERM', signal('SIGTERM'), 'no answer', 'finite', 143, done(143, '0')],
  ['SIGHUP', signal('SIGHUP'), 'no answer', 'finite', 129, done(129, '0')],
  ['SIGTERM', signal('SIGTERM'), 'joining', 'continuous', 0, done(0)],
  ['SIGHUP', signal('SIGHUP'), 'joining', 'finite', 129, done(129)],
  ['SIGTERM', signal('SIGTERM'), 'assembling', 'continuous', 0, done(0, '2')],
  ['SIGHUP', signal('SIGHUP'), 'assembling', 'continuous', 0, done(0, '2')],
  ['SIGTERM', signal('SIGTERM'), 'all done', 'continuous', 0, done(0, '2'), { all: true }],
  ['stdout without a reader', STDOUT_GONE, 'in the plugin', 'continuous', 141, done(141, '3'), OFTEN],
  ['stdout without a reader', STDOUT_GONE, 'in the plugin', 'finite', 141, done(141, '3'), OFTEN],
  [
    'stdout without a reader',
    STDOUT_GONE,
    'assembling',
    'continuous',
    141,
    done(141, '2'),
    { args: OFTEN.args },
  ],
  ['stdout without a reader', STDOUT_GONE, 'all done', 'continuous', 141, done(141, '2'), OFTEN],
  ['stderr without a reader', STDERR_GONE, 'in the plugin', 'finite', 0, done(0, '3'), OFTEN],
  [
    'stderr without a reader, then SIGTERM',
    then(STDERR_GONE, signal('SIGTERM')),
    'all done',
    'continuous',
    0,
    done(0, '2'),
    OFTEN,
  ],
  ['a full disk', nothing, 'joining', 'finite', 0, done(0, '2'), { to: 'full stdout', all: true }],
  ['a full disk', nothing, 'joining', 'finite', 0, done(0, '2'), { to: 'full stderr', all: true }],
  ['a full disk', nothing, 'joining', 'finite', 0, done(0, '2'), { to: 'full both', all: true }],
  [
    'a full disk, then SIGTERM',
    signal('SIGTERM'),
    'in the plugin',
    'continuous',
    0,
    done(0, '3'),
    { to: 'full both', all: true },
  ],
  [
    'the terminal is closed',
    closed,
    'in the plugin',
    'continuous',
    0,
    done(0, '3'),
    { to: 'terminal', all: true },
  ],
  [
    'the terminal is closed',
    closed,
    'in the plugin',
    'finite',
    129,
    done(129, '3'),
    { to: 'terminal', all: true },
  ],
  ['the terminal is closed', closed, 'assembling', 'continuous', 0, done(0, '2'), { to: 'terminal' }],
  [
    'a plugin blocks its thread',
    nothing,
    'joining',
    'finite',
    3,
    /summary done=1 failed=1 .* exit=3$/,
    BLOCKED,
  ],
  [
    'a plugin blocks its thread, SIGTERM',
    then(logged(/done=1 .*running=1/), signal('SIGTERM')),
    'joining',
    'continuous',
    75,
    done(75, '1'),
    { ...BLOCKED, args: ['--stats', '200ms', '--drain-timeout', '1s'] },
  ],
  [
    'a plugin that cannot be loaded',
    nothing,
    'start',
    'finite',
    78,
    /^$/,
    { plugin: "throw new Error('broken')" },
  ],
  [
    'everything fails',
    nothing,
    'joining',
    'finite',
    75,
    done(75, '0'),
    { plugin: "export default () => new Error('no')", args: ['--retries', '5', '--breaker', '2'] },
  ],
  ['all that was there is done', nothing, 'in the plugin', 'finite', 0, done(0, '3'), { all: true }],
]

describe('the ends of a run', { skip: noBroker, concurrency: 2 }, () => {
  let silent: { readonly address: string; close(): void }
  before(async () => {
    const server = createServer(socket => socket.on('error', () => {}))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    silent = { address: `127.0.0.1:${port}`, close: () => server.close() }
  })
  after(() => silent.close())

  for (const row of ROWS) {
    const [what, happens, at, kind, ends, last, more = {}] = row
    const where = more.to === undefined ? '' : `, ${more.to}`
    const skip = more.to === 'terminal' && noTerminal
    test(`${what}, ${at}${where}: a ${kind} run ends with ${ends}`, { skip, timeout: 240_000 }, async t => {
      const plugin = steered()
      t.after(() => plugin.end())
      const topic = uniqueName('end')
      await createTopic(broker, topic, 2)
      const send = (path: string, chunks?: number) =>
        produceRaw(broker, topic, recordsOf({ path, content: randomBytes(3_000) }).slice(0, chunks))
      const waits = at === 'in the plugin' || at === 'draining'
      if (waits) plugin.order({ 'slow.dat': 'wait' })
      if (at === 'joining') plugin.order({ 'a.dat': 'wait', 'b.dat': 'wait' })
      for (const path of ['a.dat', 'b.dat', ...(waits ? ['slow.dat'] : [])]) await send(path)
      if (at === 'assembling') await send('half.dat', 2)

      const run = begin(plugin, topic, kind, more, at === 'no answer' ? silent.address : broker)
      t.after(() => run.kill())
      await reached(run, at)
      await happens(run)
      assert.equal(await run.ended, ends, run.shown())
      assert.match(run.log().trimEnd().split('\n').at(-1) ?? '', last)
      if (more.all)
        assert.deepEqual(
          (await readCommitted(broker, topic, topic)).map(({ offset }) => offset),
          await endOffsets(broker, topic),
        )
    })
  }
})

const STEERED = fileURLToPath(import.meta.resolve('../fixtures/steered.mjs'))

function begin(plugin: Steered, topic: string, kind: Row[3], more: More, brokers: string) {
  const { to, args: extra = [] } = more
  const module = more.plugin === undefined ? STEERED : join(plugin.folder, 'other.mjs')
  if (more.plugin !== undefined) fs.writeFileSync(module, more.plugin)
  const out = join(plugin.folder, 'out')
  const logFile = join(plugin.folder, 'run.log')
  const args = [
    ...['run', '-p', module, '-b', brokers, '-t', topic, '-g', topic, '-o', out, '--log-file', logFile],
    ...['--json', '-X', 'session.timeout.ms=6000'],
    ...(extra.includes('--retries') ? [] : ['--retries', '0']),
    ...(kind === 'finite' ? ['--until-end'] : []),
    ...extra,
  ]
  const env = { ...CLEAN, STEER: plugin.folder }
  const status = join(plugin.folder, 'status')
  let child: ChildProcess | undefined
  let terminal: Terminal | undefined
  let printed = ''
  let ended: Promise<number | NodeJS.Signals | null>
  if (to === 'terminal') {
    terminal = openTerminal()
    const line = args.filter(arg => arg !== '--json').join(' ')
    // The shell passes SIGHUP on; what stands between it and the run lives on, and tells.
    const script = join(plugin.folder, 'told.sh')
    const run = `STEER=${plugin.folder} '${process.execPath}' '${PROGRAM}' ${line}`
    fs.writeFileSync(script, `trap '' HUP\n${run}\necho $? > ${status}.new; mv ${status}.new ${status}\n`)
    terminal.type(`sh ${script}`, 'Enter')
    ended = until(() => fs.existsSync(status)).then(() => Number(fs.readFileSync(status, 'utf8')))
  } else {
    const full = fs.openSync('/dev/full', 'w')
    const started = spawn(process.execPath, [PROGRAM, ...args], {
      env,
      stdio: [
        'ignore',
        to === 'full stdout' || to === 'full both' ? full : 'pipe',
        to === 'full stderr' || to === 'full both' ? full : 'pipe',
      ],
    })
    child = started
    fs.closeSync(full)
    for (const stream of [started.stdout, started.stderr])
      stream?.on('data', data => {
        printed += data
      })
    ended = new Promise(resolve => started.once('exit', (code, name) => resolve(name ?? code)))
  }
  const log = () => (fs.existsSync(logFile) ? fs.readFileSync(logFile, 'utf8') : '')
  return {
    ...{ plugin, topic, child, terminal, log, ended },
    goOn: () => plugin.order({}),
    shown: () => `${log()}\n--- printed\n${printed}`,
    kill: () => void child?.kill('SIGKILL'),
  }
}

async function reached(run: ReturnType<typeof begin>, at: Stage): Promise<void> {
  const { plugin, topic, log, child } = run
  /** Its partition may have been read before those of the others. */
  const inThePlugin = async () => {
    await plugin.until('start', 'slow.dat')
    for (const path of ['a.dat', 'b.dat']) await plugin.until('end', path)
  }
  const committed = async (sum: number) =>
    until(async () => {
      const offsets = (await readCommitted(broker, topic, topic)).map(({ offset = 0 }) => offset)
      return offsets.reduce((a, b) => a + b, 0) >= sum
    })
  switch (at) {
    case 'start':
      return
    case 'no answer':
      return until(() => log() !== '' || child?.exitCode !== null)
    case 'joining':
      return until(() => log().includes('joining group'))
    case 'in the plugin':
      return inThePlugin()
    case 'draining':
      await inThePlugin()
      child?.kill('SIGTERM')
      return until(() => log().includes('SIGTERM: '))
    default:
      return committed(6)
  }
}
