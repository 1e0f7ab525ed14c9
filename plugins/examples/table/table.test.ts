import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fileFrom, runPlugin } from 'dfsp/testing'
import sqlite from 'node-sqlite3-wasm'
import * as table from './table.ts'

const sample = (name: string) =>
  fileFrom({
    path: name,
    content: readFileSync(fileURLToPath(new URL(`samples/${name}`, import.meta.url))),
  })

function query(outputDir: string, sql: string): unknown {
  const db = new sqlite.Database(join(outputDir, 'lab.sqlite'))
  try {
    return db.all(sql)
  } finally {
    db.close()
  }
}

test('the rows of several files are in one table, and a file that comes again is there once', async () => {
  const { outputDir, result } = await runPlugin(table, sample('morning.csv'))
  assert.equal(result, null)
  for (const name of ['evening.csv', 'morning.csv'])
    assert.equal((await runPlugin(table, sample(name), { outputDir })).result, null)
  assert.deepEqual(
    query(outputDir, 'select file, count(*) n, max(value) max from reading group by file order by file'),
    [
      { file: 'evening.csv', n: 4, max: 612.25 },
      { file: 'morning.csv', n: 6, max: 402.5 },
    ],
  )
})

test('a file with a broken line fails with that line, and none of its rows is stored', async () => {
  const { outputDir } = await runPlugin(table, sample('morning.csv'))
  const { result } = await runPlugin(table, sample('broken.csv'), { outputDir })
  assert.equal(result?.message, 'line 3: "2026-03-02T10:05:00Z,oven,n/a" is not time,sensor,value')
  assert.deepEqual(query(outputDir, "select * from reading where file = 'broken.csv'"), [])
})
