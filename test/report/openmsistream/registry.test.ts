import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { OwnFolder } from '../../../src/base/held-folder.ts'
import { openRegistry } from '../../../src/report/openmsistream/registry.ts'
import { viewOf } from '../view.ts'

const NOW = new Date(2026, 10, 25, 3, 18, 24).getTime()
const PROCESSED = 'processed_from_xrd_by_a_b.csv'
const IN_PROGRESS = 'consuming_from_xrd_in_progress_by_a_b.csv'

function world(t: TestContext, before?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'dfsp-registry-'))
  t.after(() => rmSync(folder, { recursive: true }))
  if (before !== undefined) writeFileSync(join(folder, PROCESSED), before)
  const problems: string[] = []
  const registry = openRegistry({
    ...{ folder: new OwnFolder(dirname(folder), folder), topic: 'xrd', group: 'a/b', now: () => NOW },
    onProblem: text => problems.push(text),
  })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').split('\n')
  return { folder, registry, read, problems }
}

const file = { type: 'file', attempt: 1, bytes: 10, ms: 3, partitions: {} } as const
const arrival = { chunks: 3, openMs: 2_000, sentAt: 0 }
const at = (seconds: number) => `'Wed Nov 25, 2026 at 03:18:${seconds}'`

test('what was processed is appended, to a table of OpenMSIStream too, without a line end behind it', async t => {
  const header = 'filename;rel_filepath;n_chunks;first_message;processed_at'
  const row = `'a.dat';'sub/a.dat';3;${at(22)};${at(24)}`
  for (const [before, expected] of [
    [undefined, [header, row]],
    ['', [header, row]],
    [header, [header, row]],
    [`${header}\n`, [header, row]],
    [`${header}\nx`, [header, 'x', row]],
  ] as const) {
    const { registry, read } = world(t, before)
    registry.report({ ...file, path: 'sub/a.dat', result: 'ok', arrival })
    await registry.close()
    assert.deepEqual(read(PROCESSED), expected)
  }
})

test('the other table has what arrives and what failed, until it is processed', async t => {
  const { registry, read, folder } = world(t)
  const [running, part] = viewOf().files()
  assert.ok(running && part)
  registry.attach(viewOf({ files: () => [{ ...running, path: 'held.dat', state: 'held' }, part] }))
  registry.report({ ...file, path: 'held.dat', result: 'mismatch', setAside: 'held', arrival })
  registry.report({ ...file, path: 'dlq.dat', result: 'failed', setAside: 'dead-lettered', arrival })
  registry.report({ ...file, path: 'again.dat', result: 'failed', setAside: 'skipped', arrival })
  registry.report({ ...file, path: 'again.dat', result: 'ok', arrival })
  await registry.close()
  assert.deepEqual(read(IN_PROGRESS), [
    'filename;rel_filepath;status;n_chunks;first_message;most_recent_message',
    `'held.dat';'held.dat';'mismatched_hash';2;${at(21)};${at(24)}`,
    `'part.dat';'part.dat';'in_progress';4;'Wed Nov 25, 2026 at 03:17:23';'Wed Nov 25, 2026 at 03:17:24'`,
    `'dlq.dat';'dlq.dat';'failed';3;${at(22)};${at(24)}`,
  ])
  assert.deepEqual(readdirSync(folder).sort(), [IN_PROGRESS, PROCESSED].sort())
})

test('a pipe that comes in the place of one holds nothing up', async t => {
  const { registry, problems, folder } = world(t)
  execFileSync('mkfifo', [join(folder, PROCESSED)])
  registry.report({ ...file, path: 'a', result: 'ok', arrival })
  await registry.close()
  assert.match(problems.join(), new RegExp(`^the registries cannot be written: .*${PROCESSED} is a pipe`))
})

test('where they cannot be written the run hears of it once and goes on', async t => {
  const { registry, problems, folder } = world(t)
  rmSync(folder, { recursive: true })
  writeFileSync(folder, '')
  registry.report({ ...file, path: 'a', result: 'ok', arrival })
  await registry.close()
  assert.equal(problems.length, 1)
  assert.match(String(problems[0]), /^the registries cannot be written: /)
})
