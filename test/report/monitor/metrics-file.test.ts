import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openMetricsFile } from '../../../src/report/monitor/metrics-file.ts'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dfsp-metrics-'))
})
after(() => rmSync(folder, { recursive: true }))

test('a write replaces the file as a whole and leaves nothing beside it', () => {
  const path = join(folder, 'new', 'dfsp.prom')
  const file = openMetricsFile(path)
  assert.equal(file.lastSuccess, undefined)
  file.write('a 1\n')
  file.write('b 2\n')
  assert.equal(readFileSync(path, 'utf8'), 'b 2\n')
  assert.deepEqual(readdirSync(join(folder, 'new')), ['dfsp.prom'])
})

test('the last success of an earlier run is read back', () => {
  const path = join(folder, 'old.prom')
  writeFileSync(path, 'x 1\ndfsp_last_success_timestamp_seconds{topic="a",group="b"} 1700000000.5\n')
  assert.equal(openMetricsFile(path).lastSuccess, 1_700_000_000.5)
})

test('a name that no collector reads and a place that cannot be written are refused before the run', () => {
  assert.throws(() => openMetricsFile(join(folder, 'x.txt')), { code: 'E_USAGE' })
  const taken = join(folder, 'taken')
  writeFileSync(taken, '')
  assert.throws(() => openMetricsFile(join(taken, 'x.prom')), { code: 'E_OUTPUT' })
})

test('a pipe, folder or device in its place is refused before the run, and neither written nor taken away later', () => {
  const path = join(folder, 'other.prom')
  for (const [make, what] of [
    [() => execFileSync('mkfifo', [path]), 'a pipe'],
    [() => symlinkSync('/dev/null', path), 'a device'],
    [() => mkdirSync(path), 'a folder'],
  ] as const) {
    make()
    const message = new RegExp(`other\\.prom is ${what}, a file is needed there: remove it`)
    assert.throws(() => openMetricsFile(path), { code: 'E_OUTPUT', message })
    rmSync(path, { recursive: true })
    const file = openMetricsFile(path)
    make()
    assert.throws(() => file.write('a 1\n'), { message })
    rmSync(path, { recursive: true })
    file.write('b 2\n')
    assert.equal(readFileSync(path, 'utf8'), 'b 2\n')
    rmSync(path)
  }
})

test('where the rename fails, the temporary file is removed', () => {
  const path = join(folder, 'blocked.prom')
  const file = openMetricsFile(path)
  mkdirSync(join(path, 'x'), { recursive: true })
  chmodSync(path, 0o755)
  assert.throws(() => file.write('a 1\n'))
  assert.ok(!readdirSync(folder).some(name => name.endsWith('.tmp')))
})
