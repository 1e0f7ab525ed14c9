/** The status page in a browser, every number of it compared with what the broker says. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { Status } from '../../src/report/monitor/status.ts'
import { broker, noBroker, uniqueName } from '../support/broker.ts'
import { noChromium, startChromium } from '../support/chromium.ts'
import { recordsOf } from '../support/files.ts'
import { steered } from '../support/steered.ts'
import { createTopic, endOffsets, produceRaw, readCommitted } from '../support/topics.ts'
import { until } from '../support/until.ts'

const rowsOf = (page: Page, table: string) =>
  page
    .locator(`#${table} tbody tr`)
    .evaluateAll(rows =>
      rows.map(row =>
        [...(row as unknown as { cells: Iterable<{ textContent: string }> }).cells].map(c => c.textContent),
      ),
    )
const numbers = (rows: readonly string[][], column: number) =>
  rows.map(row => Number(row[column]?.replaceAll(',', '')))

test('the page shows the run as the broker knows it, escapes names, keeps up and says when nobody answers', {
  skip: noBroker || noChromium,
}, async t => {
  const topic = uniqueName('page')
  await createTopic(broker, topic, 3)
  const plugin = steered()
  t.after(() => plugin.end())
  const odd = 'x/<img src=x onerror=document.title="pwned">.dat'
  plugin.order({ 'slow.dat': 'wait', [odd]: 'fail' })
  const names = ['a.dat', 'b.dat', odd, 'slow.dat']
  const files = names.map(path => ({ path, content: randomBytes(1_500_000), chunkSize: 100_000 }))
  for (const file of files) await produceRaw(broker, topic, recordsOf(file))
  const partial = recordsOf({ path: 'part.dat', content: randomBytes(500_000), chunkSize: 100_000 })
  await produceRaw(broker, topic, partial.slice(0, 2))

  const run = plugin.start(['-b', broker, '-t', topic, '-g', topic, '--retries', '0', '--http', '0'])
  const [url = ''] = await run.waitFor(/http:\/\/\S+/)
  const browser = await startChromium()
  t.after(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(120_000)
  const asked: string[] = []
  const problems: string[] = []
  page.on('request', request => asked.push(request.url()))
  page.on('pageerror', error => problems.push(error.message))
  page.on('console', message => message.type() === 'error' && problems.push(message.text()))
  await page.goto(url)

  await page.locator('#done', { hasText: /^2$/ }).waitFor()
  await page.locator('#failed', { hasText: /^1$/ }).waitFor()
  await page.locator('#running tbody tr', { hasText: 'slow.dat' }).waitFor()
  await page.locator('#assembling tbody tr', { hasText: /part\.dat.*2 of 5/ }).waitFor()
  await page.locator('#lag', { hasText: /^0$/ }).waitFor()
  assert.deepEqual(
    (await rowsOf(page, 'running')).map(row => row.slice(0, 2)),
    [['slow.dat', '1']],
  )
  assert.deepEqual(
    (await rowsOf(page, 'assembling')).map(row => row.slice(0, 2)),
    [['part.dat', '2 of 5']],
  )
  const [failure] = await rowsOf(page, 'failures')
  assert.equal(failure?.[1], odd)
  assert.match(String(failure?.[2]), /^told to fail at steered\.mjs/)
  assert.match(String(failure?.[3]), /^held/)
  assert.match(await page.title(), new RegExp(topic))
  assert.equal(await page.locator('#open').textContent(), '3')
  assert.match(String(await page.locator('#chart').getAttribute('aria-label')), /highest .*5\.9 MiB in/)

  const ends = await endOffsets(broker, topic)
  await until(async () => {
    const stored = (await readCommitted(broker, topic, topic)).map(c => c.offset ?? 0)
    return numbers(await rowsOf(page, 'partitions'), 1).join() === stored.join()
  })
  const rows = await rowsOf(page, 'partitions')
  assert.deepEqual(numbers(rows, 0), [0, 1, 2])
  assert.deepEqual(numbers(rows, 2), ends)
  assert.deepEqual(numbers(rows, 3), ends)
  assert.deepEqual(numbers(rows, 4), [0, 0, 0])

  await page.setViewportSize({ width: 360, height: 800 })
  const cutOff = await page.$$eval('body, .scroll', boxes =>
    boxes.filter(box => box.scrollWidth > box.clientWidth).map(box => box.outerHTML),
  )
  assert.deepEqual(cutOff, [], 'a telephone shows all of it')

  const metrics = await (await fetch(`${url}metrics`)).text()
  assert.match(metrics, /^dfsp_files_total\{result="ok",.*\} 2$/m)
  assert.match(metrics, /^dfsp_file_bytes_total\{.*\} 3000000$/m)
  assert.match(metrics, new RegExp(`^dfsp_records_total\\{.*\\} ${ends.reduce((a, b) => a + b)}$`, 'm'))

  // The rest of the file, and the one that waited.
  await produceRaw(broker, topic, partial.slice(2))
  plugin.order({})
  await page.locator('#done', { hasText: /^4$/ }).waitFor()
  await until(
    async () =>
      numbers(await rowsOf(page, 'partitions'), 3).join() === (await endOffsets(broker, topic)).join(),
  )

  run.kill('SIGTERM')
  assert.equal((await run.done).code, 0)
  await page.locator('#state.bad', { hasText: 'no answer' }).waitFor()
  assert.deepEqual(
    problems.filter(text => !/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/.test(text)),
    [],
  )
  assert.deepEqual(
    asked.filter(address => !address.startsWith(url) && !address.startsWith('data:')),
    [],
    'nothing is asked of anybody else',
  )
})

test('a backlog that waits for room shows its true lag', { skip: noBroker }, async t => {
  const topic = uniqueName('lag')
  await createTopic(broker, topic, 2)
  const plugin = steered()
  t.after(() => plugin.end())
  const paths = Array.from({ length: 30 }, (_, i) => `f${i}.dat`)
  plugin.order(Object.fromEntries(paths.map(path => [path, 'wait' as const])))
  const put = (path: string) =>
    produceRaw(broker, topic, recordsOf({ path, content: randomBytes(2_000_000), chunkSize: 500_000 }))
  for (const path of paths) await put(path)
  const run = plugin.start(['-b', broker, '-t', topic, '-g', topic, '--memory', '16MiB', '--http', '0'])
  const [url = ''] = await run.waitFor(/http:\/\/\S+/)
  const status = async () => (await (await fetch(`${url}status`)).json()) as Status
  await until(async () => (await status()).flow === 'pause')
  await put('late.dat') // the client, which is paused, hears nothing of it
  const ends = await endOffsets(broker, topic)
  await until(async () => {
    const { partitions, lag, counts } = await status()
    const seen = partitions.map(p => p.end)
    return seen.join() === ends.join() && lag === ends.reduce((a, b) => a + b) - counts.records
  })
  plugin.order({})
  await until(async () => (await status()).lag === 0)
  run.kill('SIGTERM')
  await run.done
})
