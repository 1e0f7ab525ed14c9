import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fileFrom, runPlugin } from 'dfsp/testing'
import * as spectrum from './spectrum.ts'

const sample = (name: string) => ({
  path: `si/${name}`,
  content: readFileSync(fileURLToPath(new URL(`samples/${name}`, import.meta.url))),
})

test('a scan becomes an SVG that names its highest peaks', async () => {
  const { result, outputDir } = await runPlugin(spectrum, fileFrom(sample('silicon.csv')), {
    options: { peaks: 3 },
  })
  assert.equal(result, null)
  const svg = readFileSync(join(outputDir, 'si/silicon.csv.svg'), 'utf8')
  assert.match(svg, /^<svg/)
  for (const text of ['silicon.csv', 'two_theta', 'counts', '>28.40<', '>47.30<', '>56.10<'])
    assert.ok(svg.includes(text), `${text} is not in the plot`)
  assert.ok(!svg.includes('>76.40<'), 'the fourth peak')
})

test('a scan that was aborted fails, and says what is missing', async () => {
  const { result } = await runPlugin(spectrum, fileFrom(sample('aborted.csv')))
  assert.equal(result?.message, '1 points: no scan in columns 0 and 1')
})
