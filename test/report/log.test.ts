import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { chosenFormat, type LogOptions, openLog } from '../../src/report/log.ts'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /

function openedLog(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const log = openLog({
    level: 'debug',
    format: 'logfmt',
    color: false,
    journal: false,
    write: line => lines.push(line),
    file: undefined,
    onFileError(error) {
      throw error
    },
    ...options,
  })
  return { log, lines }
}

/** The one line that is written, without its time. */
function written(message: string, fields?: object, options?: Partial<LogOptions>): string {
  const { log, lines } = openedLog(options)
  log.write('info', message, fields)
  assert.equal(lines.length, 1)
  return (lines[0] as string).replace(TIME, '')
}

test('a line is time, level, message and fields', () => {
  const { log, lines } = openedLog()
  log.write('info', 'stats', { done: 812, rate: '38.2MiB/s' })
  assert.match(lines[0] ?? '', TIME)
  assert.equal(lines[0]?.replace(TIME, ''), 'info stats done=812 rate=38.2MiB/s\n')
})

test('values that would be ambiguous are quoted, others are not', () => {
  assert.equal(
    written('m', { plain: 'a/b.csv', space: 'a b', quote: 'a"b', equals: 'a=b', empty: '', n: 5, no: null }),
    'info m plain=a/b.csv space="a b" quote="a\\"b" equals="a=b" empty="" n=5 no=null\n',
  )
})

test('a field that is an object is JSON', () => {
  assert.equal(written('m', { a: [1, 2], b: { c: 'd' } }), 'info m a=[1,2] b="{\\"c\\":\\"d\\"}"\n')
})

const HOSTILE = [
  'a.csv\n2026-11-24T15:01:02.114Z error forged',
  'a\rb',
  'a\u001b[2Jb',
  'a \u009b2J b',
  'a\u0085b',
  'a\u2028b\u2029c',
  'a\u0000b',
  'a\tb',
  'a\u007f\bb',
]

for (const format of ['logfmt', 'pretty', 'json'] as const)
  test(`hostile names forge no line and reach no terminal (${format})`, () => {
    const anyText = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(anyText, anyText, (message, value) => {
        for (const fields of [{ path: value }, { [`key ${value}`]: 1 }, { path: [value] }]) {
          const line = written(message, fields, { format })
          assert.ok(line.endsWith('\n'))
          assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\u2028\u2029]/u)
        }
      }),
      { numRuns: 300 },
    )
  })

/** Of names and errors from outside, some of them rich in what printf would take for its own. */
const outside = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('%', '%s', '%d', '%j', '%o', '%O', '%c', '%i', '%f', '%%', 'm%c3%a4rz.csv', ' '), {
      maxLength: 6,
    })
    .map(parts => parts.join('')),
)

test('no message is a format: message and fields are whole in every format', () => {
  fc.assert(
    fc.property(outside, fc.dictionary(outside, fc.jsonValue()), (message, fields) => {
      const own = ['time', 'level', 'message']
      const others = Object.fromEntries(Object.entries(fields).filter(([name]) => !own.includes(name)))
      const { time: _, ...rest } = JSON.parse(written(message, others, { format: 'json' }))
      assert.deepEqual(rest, JSON.parse(JSON.stringify({ ...others, level: 'info', message })))
      if (/^[ -~]*$/.test(message))
        for (const [format, journal] of [
          ['logfmt', false],
          ['pretty', false],
          ['logfmt', true],
        ] as const) {
          const line = written(message, { n: 1, 'file name': message }, { format, journal })
          assert.ok(line.includes(` ${message} n=1 file_name=`), line)
        }
    }),
  )
})

test('as logfmt the value of each field can be read back', () => {
  fc.assert(
    fc.property(outside, outside, (first, second) => {
      const value = /("(?:[^"\\]|\\.)*"|\S*)/.source
      const found = new RegExp(`^info m a=${value} b=${value}\n$`).exec(written('m', { a: first, b: second }))
      const back = found?.slice(1).map(text => (text.startsWith('"') ? JSON.parse(text) : text))
      assert.deepEqual(back, [first, second])
    }),
  )
})

test('no entry throws, whatever its fields are', () => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const fail = () => {
    throw new Error('no')
  }
  const circular: Record<string, unknown> = {}
  circular.self = circular
  let deep: object = {}
  for (let i = 0; i < 100_000; i++) deep = { deep }
  const hostile: unknown[] = [undefined, null, 'text', 5, ['a'], () => 1, revoked.proxy, deep, circular]
  const values: unknown[] = [1n, Symbol('s'), new Date(Number.NaN), new Map([[1n, { n: 1 }]]), new Set([1n])]
  values.push({ toJSON: fail }, Object.create({ toJSON: fail }), Object.create(null), {
    get a() {
      return fail()
    },
  })
  values.push(Buffer.alloc(5), new Error('m'), ...hostile)
  const names = ['level', 'message', 'splat', 'timestamp', '__proto__', 'toJSON', 'constructor', 'fields', '']
  for (const format of ['logfmt', 'pretty', 'json'] as const) {
    const heard: string[] = []
    const options = {
      format,
      heard: { level: 'info' as const, message: (_: string, text: string) => heard.push(text) },
    }
    for (const fields of hostile) assert.match(written('m %s', fields as object, options), /m %s/)
    for (const name of names)
      for (const value of values) {
        const line = written('m %s', { n: 7, [name]: value }, options)
        assert.match(line, format === 'json' ? /"level":"info","message":"m %s","n":7/ : /info +m %s n=7 /)
      }
    assert.equal(heard.length, hostile.length + names.length * values.length)
  }
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withSparseArray: true,
        withNullPrototype: true,
        withBoxedValues: true,
      }),
      fields => {
        assert.match(written('m %s', fields as object, { format: 'json' }), /m %s/)
      },
    ),
  )
})

test('what a field shows is bounded, however large it is', () => {
  const large = { text: 'x'.repeat(10_000_000), list: Array.from({ length: 1_000_000 }, (_, i) => i) }
  for (const format of ['logfmt', 'json'] as const) {
    const line = written('m', { large }, { format })
    assert.ok(line.length < 200_000, `${line.length}`)
    assert.match(line, /10,000,000 characters/)
  }
})

test('a key is one word, whatever it is', () => {
  assert.equal(written('m', { 'a b=c"d': 1 }), 'info m a_b_c_d=1\n')
})

test('a line feed in a message is shown, not obeyed', () => {
  assert.equal(written('first\nsecond'), 'info first ⏎ second\n')
})

test('as JSON a line has time, level, message and the fields', () => {
  const { log, lines } = openedLog({ format: 'json' })
  log.write('warn', 'paused', { used: 5, list: ['a'] })
  const { time, ...rest } = JSON.parse(lines[0] as string)
  assert.ok(!Number.isNaN(Date.parse(time)))
  assert.deepEqual(rest, { level: 'warn', message: 'paused', used: 5, list: ['a'] })
})

test('a field takes the place of neither time, level nor message', () => {
  const { log, lines } = openedLog({ format: 'json' })
  log.write('warn', 'paused', { level: 'x', message: 'y', time: 'z' })
  const { time, level, message } = JSON.parse(lines[0] as string)
  assert.ok(!Number.isNaN(Date.parse(time)))
  assert.deepEqual({ level, message }, { level: 'warn', message: 'paused' })
})

test('under the journal a line has its priority in front and no time', () => {
  const { log, lines } = openedLog({ journal: true })
  for (const level of ['error', 'warn', 'info', 'verbose', 'debug'] as const) log.write(level, 'm')
  assert.deepEqual(lines, ['<3>error m\n', '<4>warn m\n', '<6>info m\n', '<6>verbose m\n', '<7>debug m\n'])
})

test('for people a line has the time of day and levels of one width', () => {
  const { log, lines } = openedLog({ format: 'pretty' })
  log.write('info', 'm', { a: 1 })
  assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d info {2}m a=1\n$/)
})

test('colour is used only where asked for', () => {
  const { log, lines } = openedLog({ format: 'pretty', color: true })
  log.write('error', 'm')
  assert.ok(lines[0]?.includes('\u001b[31merror'))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are taken away
  assert.match((lines[0] ?? '').replace(/\u001b\[\d+m/g, ''), /^\d\d:\d\d:\d\d error m\n$/)
})

test('entries below the level are left out', () => {
  const { log, lines } = openedLog({ level: 'warn' })
  for (const level of ['error', 'warn', 'info', 'verbose', 'debug'] as const) {
    log.write(level, level)
    assert.equal(log.enabled(level), level === 'error' || level === 'warn')
  }
  assert.deepEqual(
    lines.map(line => line.replace(TIME, '')),
    ['error error\n', 'warn warn\n'],
  )
})

test('auto means lines for people on a terminal, else logfmt', () => {
  assert.equal(chosenFormat('auto', true), 'pretty')
  assert.equal(chosenFormat('auto', false), 'logfmt')
  assert.equal(chosenFormat('json', true), 'json')
})

test('a log file gets the same lines, with times and without colour, and is whole after closing', async t => {
  const file = path.join(folder(t), 'LOGS', 'dfsp.log')
  fs.mkdirSync(path.dirname(file))
  const { log, lines } = openedLog({ file, format: 'pretty', color: true, journal: true })
  for (let i = 0; i < 500; i++) log.write('info', `line ${i}`, { i })
  await log.close()
  assert.equal(lines.length, 500)
  const inFile = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  assert.equal(inFile.length, 500)
  for (const [i, line] of inFile.entries()) {
    assert.match(line, TIME)
    assert.equal(line.replace(TIME, ''), `info line ${i} i=${i}`)
  }
})

test('closing without a file ends as well', async () => {
  const { log } = openedLog()
  log.write('info', 'm')
  await log.close()
})

test('what is logged after closing is left out, and closing twice is once', async () => {
  const { log, lines } = openedLog()
  await log.close()
  log.write('info', 'late')
  await log.close()
  assert.deepEqual(lines, [])
})

test('a hundred thousand lines in one turn are written in it, and none is kept', () => {
  let count = 0
  const { log } = openedLog({ write: () => count++ })
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 100_000; i++) log.write('info', 'printed by a plugin', { i })
  assert.equal(count, 100_000)
  const kept = process.memoryUsage().heapUsed - before
  assert.ok(kept < 64 * 1024 * 1024, `${kept} bytes`)
})

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-log-'))
  t.after(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}
