/** Whatever a name or an error says, in no output is it more than text on its line. */

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { DfspError } from '../../src/base/errors.ts'
import { OwnFolder } from '../../src/base/held-folder.ts'
import { commandHelp } from '../../src/cli/help/help-text.ts'
import { HIDDEN } from '../../src/core/text/shown-text.ts'
import { gotJson, gotLine } from '../../src/report/commands/got-text.ts'
import { groupStatusJson, groupStatusText } from '../../src/report/commands/group-status-text.ts'
import { listingJson, listingLines } from '../../src/report/commands/listing.ts'
import { recordJson, recordLine } from '../../src/report/commands/produced-record.ts'
import { rawRecordJson, rawRecordText } from '../../src/report/commands/raw-record-text.ts'
import { replayPlanJson, replayPlanText } from '../../src/report/commands/replay-plan-text.ts'
import { retryPlanJson, retryPlanText } from '../../src/report/commands/retry-plan-text.ts'
import { tryReporter } from '../../src/report/commands/try-report.ts'
import { unfinishedJson, unfinishedText } from '../../src/report/commands/unfinished-text.ts'
import { uploadReporter } from '../../src/report/commands/upload-report.ts'
import { errorJson, errorText } from '../../src/report/error-text.ts'
import { blockText } from '../../src/report/live-block.ts'
import { type LogOptions, openLog } from '../../src/report/log.ts'
import { metrics } from '../../src/report/monitor/metrics.ts'
import { csvField, pythonJson, pythonRepr } from '../../src/report/openmsistream/python-text.ts'
import { openRegistry } from '../../src/report/openmsistream/registry.ts'
import { reporter } from '../../src/report/reporter.ts'
import { outside } from '../core/outside.ts'
import { viewOf } from './view.ts'

const hidden = new RegExp(HIDDEN, 'u')

function isLine(line: string): void {
  assert.doesNotMatch(line, hidden)
}

function written(level: 'info' | 'error', message: string, fields: object, options: Partial<LogOptions>) {
  const lines: string[] = []
  const log = openLog({
    level: 'debug',
    format: 'logfmt',
    color: false,
    journal: false,
    write: line => lines.push(line),
    file: undefined,
    onFileError: assert.fail,
    ...options,
  })
  log.write(level, message, fields)
  assert.equal(lines.length, 1)
  return lines[0] as string
}

const ranges = [{ partition: 0, from: 1, to: 2 }]

function indexed(name: string) {
  return {
    path: name,
    sha512: 'ab',
    chunks: 2,
    present: 2,
    bytes: 5,
    wrong: undefined,
    duplicates: 0,
    mtime: 1,
    firstSent: 1,
    lastSent: 1,
    newest: true,
    generations: 1,
    isCut: false,
    ranges,
  }
}

test('an entry of the log is one line in each format', () => {
  fc.assert(
    fc.property(outside, outside, outside, (message, name, value) => {
      for (const format of ['logfmt', 'pretty', 'json'] as const)
        for (const journal of [false, true]) {
          const line = written('info', message, { [name]: value, list: [value] }, { format, journal })
          assert.ok(line.endsWith('\n'))
          isLine(line.slice(0, -1))
        }
    }),
  )
})

test('each --json line is one line, and gives the text back whole', () => {
  const json: string[] = []
  const line = (text: string) => void json.push(text)
  const log = { write() {}, enabled: () => false, close: async () => {} }
  const toRun = reporter({ log, topic: 'xrd', json: line, draw: undefined, now: () => 0 })
  const toUpload = uploadReporter({ log, json: line, list: undefined, draw: undefined })
  const toTry = tryReporter({ log, print: line, json: true, color: false })
  fc.assert(
    fc.property(outside, outside, (name, error) => {
      json.length = 0
      const failed = { type: 'file', path: name, result: 'failed', error } as const
      toRun.report({ ...failed, attempt: 1, bytes: 1, ms: 1, partitions: {}, setAside: 'held' })
      toUpload(failed)
      toTry({ ...failed, ms: 1 })
      json.push(gotJson({ path: name, result: 'failed', bytes: 0, error }))
      for (const text of json) {
        isLine(text)
        const { path: back, error: why } = JSON.parse(text)
        assert.deepEqual([back, why], [name, error])
      }
      const letter = { ...letterOf(name, error) }
      const plans = [
        listingJson(indexed(name)),
        ...retryPlanJson({
          files: [{ letter, ranges, gone: [] }],
          lost: [],
          superseded: [],
          leftAlone: [],
          records: [],
          refused: [],
        }),
        ...replayPlanJson({ files: [indexed(name)], leftAlone: [] }, 'xrd'),
        ...unfinishedJson({ files: [unfinished(name)], records: 0 }, 'xrd'),
        ...groupStatusJson(
          statusOf(name),
          { topic: 'xrd', group: 'g', now: 0 },
          { exceeded: [], exit: 0 },
        ).slice(1, 2),
      ]
      for (const text of plans) {
        isLine(text)
        assert.equal(JSON.parse(text).path, name)
      }
      const told = errorJson(new DfspError('E_KAFKA', error, { facts: [name], next: name }))
      isLine(told)
      const { message, facts, next } = JSON.parse(told)
      assert.deepEqual([message, facts, next], [error, [name], name])
      isLine(rawRecordJson(rawRecord(name)))
    }),
  )
})

test('what commands list for people has each text on its line', () => {
  fc.assert(
    fc.property(outside, outside, (name, error) => {
      const file = indexed(name)
      const letter = letterOf(name, error)
      const planned = { letter, ranges, gone: ranges }
      const lines = [
        gotLine({ path: name, result: 'failed', bytes: 0, error }),
        ...listingLines([file, { ...file, wrong: error }], true),
        ...retryPlanText(
          {
            files: [planned],
            lost: [],
            superseded: [],
            leftAlone: [{ file: planned, why: error }],
            records: [],
            refused: [],
          },
          'dead',
        ),
        ...replayPlanText({ files: [file], leftAlone: [{ ...file, wrong: error }] }),
        ...unfinishedText({ files: [unfinished(name)], records: 0 }, 'xrd'),
        ...groupStatusText(statusOf(name), { topic: 'xrd', group: name, now: 0 }),
        ...rawRecordText(rawRecord(name)),
        recordLine({ topic: name, key: error, value: name }),
        ...errorText(new DfspError('E_KAFKA', error, { facts: [name], next: name }), { debug: false })
          .trimEnd()
          .split('\n'),
        ...errorText(new Error(error), { debug: true }).trimEnd().split('\n'),
        ...blockText(viewOf().stats(), { topic: name, group: error, threads: 1, brokers: name }, 1, 80).split(
          '\n',
        ),
      ]
      for (const line of lines) isLine(line)
      assert.equal(
        errorText(new DfspError('E_KAFKA', error, { facts: [name], next: name }), { debug: false }).split(
          '\n',
        ).length,
        4,
      )
    }),
  )
})

test('the help of a plugin’s options has each text on its line', () => {
  const command = {
    name: 'run',
    describe: 'd',
    examples: [['x', 'y']],
    options: [],
    run: async () => 0,
  } as const
  fc.assert(
    fc.property(outside, outside, (describe, value) => {
      const options = { column: { type: 'string', describe, default: value } } as const
      const help = commandHelp(command as never, 80, { file: describe, options })
      for (const line of help.trimEnd().split('\n')) isLine(line)
    }),
  )
})

test('a name in a registry is one field of one row, and Python reads it back', () => {
  fc.assert(
    fc.property(outside, name => {
      const field = csvField(pythonRepr(name))
      isLine(field)
      assert.match(field, /^(?:[^;"]*|"(?:[^"]|"")*")$/)
      const repr = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field
      assert.doesNotMatch(repr, /^[=+\-@]/, 'a spreadsheet takes it for a formula')
      assert.equal(fromPython(repr), name)
    }),
  )
})

test('a registry has a row for each file, whatever its name', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-registry-'))
  try {
    const registry = openRegistry({
      ...{ topic: 'xrd', group: 'g' },
      folder: new OwnFolder(folder, folder),
      now: () => 0,
      onProblem: assert.fail,
    })
    const names = fc.sample(outside, 200)
    for (const name of names)
      registry.report({
        ...{ type: 'file', path: name, result: 'ok', attempt: 1, bytes: 1, ms: 1, partitions: {} },
        arrival: { chunks: 1, openMs: 0, sentAt: 0 },
      })
    await registry.close()
    const text = fs.readFileSync(path.join(folder, 'processed_from_xrd_by_g.csv'), 'utf8')
    assert.equal(text.split('\n').length, names.length + 1)
    for (const line of text.split('\n')) isLine(line)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

test('heartbeats and logs on a topic are ASCII, and give the text back whole', () => {
  fc.assert(
    fc.property(outside, text => {
      const json = pythonJson({ messages: [text] })
      assert.match(json, /^[ -~]*$/)
      assert.deepEqual(JSON.parse(json), { messages: [text] })
    }),
  )
})

test('figures for Prometheus are one line each, whatever the group is called', async () => {
  for (const group of fc.sample(outside, 50)) {
    const figures = metrics({ topic: 'xrd', group, process: false, lastSuccess: undefined, now: () => 0 })
    const lines = (await figures.text('own')).trimEnd().split('\n')
    for (const line of lines) {
      isLine(line)
      assert.match(line, /^$|^#|^\w+\{(?:\w+="(?:[^"\\]|\\.)*",?)*\} \S+$/)
    }
  }
})

test('what a plugin produced is shown as JSON that has it whole', () => {
  fc.assert(
    fc.property(outside, value => {
      assert.deepEqual(recordJson({ topic: value, key: value, value }), { topic: value, key: value, value })
    }),
  )
})

test('the status page has the same guard, and puts text in as text', () => {
  const page = fs.readFileSync(new URL('../../pages/status.html', import.meta.url), 'utf8')
  assert.ok(page.includes(`const HIDDEN = ${HIDDEN}`))
  assert.doesNotMatch(page, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/)
  for (const [, set] of page.matchAll(/textContent(?: =|:) (\w+)/g))
    assert.match(set ?? '', /^(oneLine|text)$/)
})

test('no other file has a set of its own, and JSON for others goes through the guard', () => {
  const root = new URL('../../src/', import.meta.url)
  for (const file of fs.readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file === path.join('report', 'openmsistream', 'python-text.ts')) continue // Python's sets
    const text = fs.readFileSync(new URL(file, root), 'utf8')
    if (file !== path.join('core', 'text', 'shown-text.ts'))
      assert.doesNotMatch(text, /\[[^\]\n]*(?:\\u0000|\\x00|\\u007f|\\x7f|\\p\{C[cf]\})/, file)
    if (/^(?:report|cli)\b/.test(file))
      assert.doesNotMatch(text.replaceAll(/^ *\/\/.*$/gm, ''), /JSON\.stringify\(/, file)
  }
})

function letterOf(name: string, error: string) {
  return {
    ...{
      kind: 'file',
      reason: 'failed',
      topic: 'xrd',
      group: 'g',
      path: name,
      error,
      rounds: 0,
      attempts: 1,
    },
    ...{ sha512: 'ab', chunks: 1, bytes: 1, mtime: 0, deliveryId: 'cd', ranges, exact: true, at: 0 },
  } as unknown as Parameters<typeof retryPlanText>[0]['files'][number]['letter']
}

function unfinished(name: string) {
  return {
    path: name,
    chunks: 2,
    present: 1,
    bytes: 1,
    attempts: 0,
    ranges,
    sentAt: 0,
    lastSentAt: 0,
    isCut: false,
  }
}

function statusOf(name: string): Parameters<typeof groupStatusText>[0] {
  const member = { memberId: name, clientId: name, host: name }
  return {
    ...{
      state: 'Stable',
      members: 1,
      lag: 1,
      copyPartitions: undefined,
      processedAbove: 0,
      oldestAt: 0,
      undecodable: 0,
      isPartial: false,
    },
    sharing: [{ ...member, name, partitions: [0], lag: 1 }],
    partitions: [{ partition: 0, committed: 1, end: 2, lag: 1, waiting: 1, member, oldestAt: 0, note: name }],
    unfinished: [unfinished(name)],
    unread: 0,
    retentionMs: undefined,
  }
}

function rawRecord(name: string): Parameters<typeof rawRecordText>[0] {
  return {
    ...{
      topic: 'xrd',
      partition: 0,
      offset: 1,
      timestamp: 0,
      key: Buffer.from(name),
      value: Buffer.from(name),
    },
    headers: [[name, Buffer.from(name)]],
    chunk: { reason: name },
  }
}

/** The text of a Python literal. */
function fromPython(repr: string): string {
  return repr
    .slice(1, -1)
    .replaceAll(/\\(?:([\\'"nrt])|x(..)|u(....)|U(.{8}))/g, (_, short, two, four, eight) =>
      short === undefined
        ? String.fromCodePoint(Number.parseInt(two ?? four ?? eight, 16))
        : ({ n: '\n', r: '\r', t: '\t' }[short as string] ?? short),
    )
}
