/** What `dfsp init plugin` writes. */

/** A plugin that shows options, results and failures, and works on the samples at once. */
export function pluginTemplate(name: string): string {
  return `#!/usr/bin/env -S dfsp run --plugin
import type { Context, DataFile } from 'dfsp'

/** Flags of this plugin: --column 2, DFSP_PLUGIN_COLUMN, or column in [plugin] of dfsp.config. */
export const options = {
  column: { type: 'number', default: 1, describe: 'column to summarise, from 0' },
} as const

/** Called with every whole file. null: done. An Error, returned or thrown: failed, try again later. */
export default async function ${functionName(name)}(file: DataFile, ctx: Context<typeof options>): Promise<Error | null> {
  const { column } = ctx.options
  const values = file
    .text()
    .split('\\n')
    .map(line => Number.parseFloat(line.split(',')[column] ?? ''))
    .filter(Number.isFinite)
  if (values.length === 0) return new Error(\`no numbers in column \${column}\`)

  const summary = { file: file.path, n: values.length, max: values.reduce((a, b) => Math.max(a, b)) }
  ctx.logger.info('summarised', summary)
  // With --output-topic: await ctx.produce({ key: file.path, value: JSON.stringify(summary) })
  return null
}
`
}

/** A test of that plugin on its samples. */
export function pluginTestTemplate(name: string): string {
  return `// Runs without Kafka:  npm install --save-dev dfsp tsx && npx tsx --test ${name}.test.ts
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileFrom, runPlugin } from 'dfsp/testing'
import * as plugin from './${name}.ts'

test('a scan is summarised', async () => {
  const { result, logged } = await runPlugin(plugin, fileFrom('samples/scan_01.csv'))
  assert.equal(result, null)
  assert.deepEqual(logged[0]?.fields, { file: 'samples/scan_01.csv', n: 3, max: 340 })
})

test('a file without numbers fails, and says where it looked', async () => {
  const file = fileFrom({ path: 'a/empty.csv', content: 'angle,counts,monitor' })
  const { result } = await runPlugin(plugin, file, { options: { column: 2 } })
  assert.equal(result?.message, 'no numbers in column 2')
})
`
}

/** By file name; bad.csv fails on purpose. */
export const SAMPLES: Readonly<Record<string, string>> = {
  'scan_01.csv': 'angle,counts\n10.0,112\n10.1,340\n10.2,187\n',
  'scan_02.csv': 'angle,counts\n20.0,95\n20.1,2210\n20.2,130\n',
  'bad.csv': 'angle,counts\n30.0,shutter closed\n',
}

/** "my-plot" -> "myPlot": a name that JavaScript takes. */
function functionName(name: string): string {
  const words = name.replaceAll(
    /[^A-Za-z0-9]+(.)?/g,
    (_, next: string | undefined) => next?.toUpperCase() ?? '',
  )
  return /^[A-Za-z]/.test(words) ? words : `process${words}`
}
