#!/usr/bin/env -S dfsp run --plugin
/** Adds the rows of each CSV file to a table of a SQLite database: `dfsp run -p ./table.ts -t lab -o results/`. */
import fs from 'node:fs'
import path from 'node:path'
import type { Context, DataFile } from 'dfsp'
import sqlite from 'node-sqlite3-wasm'

export const options = {
  database: { type: 'string', default: 'lab.sqlite', describe: 'file in the output directory' },
  table: { type: 'string', default: 'reading', describe: 'table that the rows are added to' },
} as const

/** A reading: 2026-03-01T10:00:00Z,oven,401.5 */
interface Row {
  readonly time: string
  readonly sensor: string
  readonly value: number
}

export default async function table(file: DataFile, ctx: Context<typeof options>): Promise<Error | null> {
  const rows = parse(file.text())
  if (rows instanceof Error) return rows
  // SQLite takes one writer at a time, and there are several threads.
  await ctx.lock(() =>
    store(path.join(ctx.outputDir, ctx.options.database), ctx.options.table, file.path, rows),
  )
  ctx.logger.info('stored', { rows: rows.length })
  return null
}

function parse(text: string): readonly Row[] | Error {
  const rows: Row[] = []
  for (const [i, line] of text.trim().split(/\r?\n/).slice(1).entries()) {
    const [time = '', sensor = '', value = ''] = line.split(',')
    if (Number.isNaN(Date.parse(time)) || value.trim() === '' || Number.isNaN(Number(value)))
      return new Error(`line ${i + 2}: "${line}" is not time,sensor,value`)
    rows.push({ time, sensor, value: Number(value) })
  }
  return rows
}

/** All rows of a file or none; a file that comes again replaces its rows, so that a repetition changes nothing. */
function store(database: string, name: string, file: string, rows: readonly Row[]): void {
  // A process that was killed leaves its lock behind, and no thread but this one writes now.
  fs.rmSync(`${database}.lock`, { recursive: true, force: true })
  const table = `"${name.replaceAll('"', '""')}"`
  const db = new sqlite.Database(database)
  try {
    db.exec(`create table if not exists ${table} (file text, time text, sensor text, value real)`)
    db.exec('begin')
    db.run(`delete from ${table} where file = ?`, [file])
    const insert = db.prepare(`insert into ${table} values (?, ?, ?, ?)`)
    for (const { time, sensor, value } of rows) insert.run([file, time, sensor, value])
    insert.finalize()
    db.exec('commit')
  } finally {
    db.close()
  }
}
