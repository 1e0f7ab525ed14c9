/** Packages that people use in plugins: what a plugin computes with each from samples.csv, and what must come out. */

export interface Used {
  readonly install: readonly string[]
  readonly imports: string
  /** Body of an async function of `file`; its result goes through JSON. */
  readonly compute: string
  readonly expected: unknown
  /** Further files in the plugin's folder. */
  readonly files?: Readonly<Record<string, string>>
}

export const SAMPLE = 'name,value\na,1\nb,2\nc,39\n'

const VALUES = `const values = file.text().trim().split('\\n').slice(1).map(line => Number(line.split(',')[1]))\n`
const SUM = '.reduce((a: number, b: number) => a + b, 0)'

export const PACKAGES: Readonly<Record<string, Used>> = {
  sharp: {
    install: ['sharp'],
    imports: `import sharp from 'sharp'`,
    compute: `const image = { create: { width: 4, height: 3, channels: 3 as const, background: '#f00' } }
      const png = await sharp(image).resize(8, 6).png().toBuffer()
      const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
      return [info.width, info.height, ...data.subarray(0, 3)]`,
    expected: [8, 6, 255, 0, 0],
  },
  jimp: {
    install: ['jimp'],
    imports: `import { Jimp } from 'jimp'`,
    compute: `const image = new Jimp({ width: 4, height: 3, color: 0xff0000ff })
      const again = await Jimp.read(await image.resize({ w: 8, h: 6 }).getBuffer('image/png'))
      return [again.width, again.height, again.getPixelColor(7, 5)]`,
    expected: [8, 6, 0xff0000ff],
  },
  'better-sqlite3': {
    install: ['better-sqlite3@12'],
    imports: `import Database from 'better-sqlite3'`,
    compute: `${VALUES}const db = new Database(':memory:')
      db.exec('CREATE TABLE t (value REAL)')
      for (const value of values) db.prepare('INSERT INTO t VALUES (?)').run(value)
      return db.prepare('SELECT sum(value) AS sum, count(*) AS n FROM t').get()`,
    expected: { sum: 42, n: 3 },
  },
  'node-sqlite3-wasm': {
    install: ['node-sqlite3-wasm'],
    imports: `import sqlite from 'node-sqlite3-wasm'`,
    compute: `${VALUES}const db = new sqlite.Database()
      db.exec('CREATE TABLE t (value REAL)')
      for (const value of values) db.run('INSERT INTO t VALUES (?)', value)
      return db.get('SELECT sum(value) AS sum FROM t')`,
    expected: { sum: 42 },
  },
  'csv-parse': {
    install: ['csv-parse'],
    imports: `import { parse } from 'csv-parse/sync'\nimport { parse as parseStream } from 'csv-parse'`,
    compute: `const rows = parse(file.text(), { columns: true, cast: true })
      let streamed = 0
      for await (const [, value] of file.stream().pipe(parseStream({ from: 2 }))) streamed += Number(value)
      return [rows.map((row: any) => row.value)${SUM}, streamed]`,
    expected: [42, 42],
  },
  exceljs: {
    install: ['exceljs'],
    imports: `import ExcelJS from 'exceljs'`,
    compute: `${VALUES}const book = new ExcelJS.Workbook()
      book.addWorksheet('s').addRow(values)
      const again = await new ExcelJS.Workbook().xlsx.load(await book.xlsx.writeBuffer())
      return again.getWorksheet('s')?.getRow(1).values`,
    expected: [null, 1, 2, 39],
  },
  'apache-arrow and parquet-wasm': {
    install: ['apache-arrow', 'parquet-wasm'],
    imports: `import { tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow'
      import { readParquet, Table, writeParquet } from 'parquet-wasm'`,
    compute: `${VALUES}const table = tableFromArrays({ value: Float64Array.from(values) })
      const parquet = writeParquet(Table.fromIPCStream(tableToIPC(table, 'stream')))
      const again = tableFromIPC(readParquet(parquet).intoIPCStream())
      return [Buffer.from(parquet.subarray(0, 4)).toString(), ...again.getChild('value')!.toArray()]`,
    expected: ['PAR1', 1, 2, 39],
  },
  geotiff: {
    install: ['geotiff'],
    imports: `import { fromArrayBuffer, writeArrayBuffer } from 'geotiff'`,
    compute: `${VALUES}const tiff = await writeArrayBuffer(Uint8Array.from(values), { width: 3, height: 1 })
      const image = await (await fromArrayBuffer(tiff as ArrayBuffer)).getImage()
      const [band] = await image.readRasters()
      return [image.getWidth(), ...(band as Uint8Array)]`,
    expected: [3, 1, 2, 39],
  },
  undici: {
    install: ['undici@7'],
    imports: `import http from 'node:http'\nimport { request } from 'undici'`,
    compute: `const server = http.createServer((asked, answer) => void asked.pipe(answer)).listen(0, '127.0.0.1')
      await new Promise(resolve => server.once('listening', resolve))
      const { port } = server.address() as { port: number }
      const { body, statusCode } = await request(\`http://127.0.0.1:\${port}/\`, { method: 'POST', body: file.bytes })
      const text = await body.text()
      server.close()
      return [statusCode, text === file.text()]`,
    expected: [200, true],
  },
  piscina: {
    install: ['piscina'],
    imports: `import path from 'node:path'\nimport { Piscina } from 'piscina'`,
    compute: `${VALUES}const pool = new Piscina({ filename: path.join(import.meta.dirname, 'square.mjs'), maxThreads: 2 })
      const squares = await Promise.all(values.map(value => pool.run(value)))
      await pool.destroy()
      return squares`,
    expected: [1, 4, 1521],
    files: { 'square.mjs': 'export default value => value * value\n' },
  },
  pino: {
    install: ['pino'],
    imports: `import fs from 'node:fs'\nimport path from 'node:path'\nimport { pino } from 'pino'`,
    compute: `const log = path.join(import.meta.dirname, 'pino.log')
      pino(pino.destination({ dest: log, sync: true, append: false })).info({ size: file.size }, 'read')
      const { size, msg } = JSON.parse(fs.readFileSync(log, 'utf8'))
      return { size, msg }`,
    expected: { size: SAMPLE.length, msg: 'read' },
  },
}
