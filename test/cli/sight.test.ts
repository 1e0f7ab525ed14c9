/** `dfsp run` seen from outside: probes, metrics file. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { recordsOf } from '../support/files.ts'
import { startMock } from '../support/mock.ts'
import { steered } from '../support/steered.ts'
import { until } from '../support/until.ts'

const soon = ['-X', 'session.timeout.ms=4000', '-X', 'heartbeat.interval.ms=500']

describe('sight', { concurrency: 2 }, () => {
  test('/readyz is 503 until the group is joined, 200 then, and 503 with the reason once the broker is gone', async t => {
    const mock = await startMock()
    const plugin = steered()
    t.after(() => plugin.end())
    await mock.produceRaw('probed', recordsOf({ path: 'a.dat', content: randomBytes(3_000) }))
    const args = [...soon, '-b', mock.brokers, '-t', 'probed', '--drain-timeout', '1s', '--http', '0']
    const run = plugin.start(args)
    const [url = ''] = await run.waitFor(/http:\/\/\S+/)
    const ready = async () => {
      const answer = await fetch(`${url}readyz`)
      return `${answer.status} ${await answer.text()}`
    }
    assert.match(await ready(), /^503 (starting|the group is not joined)/)
    await plugin.until('end', 'a.dat')
    assert.match(await ready(), /^200 ok/)
    await mock.end()
    await until(async () => /^503 the broker is away/.test(await ready()))
    assert.equal((await fetch(`${url}livez`)).status, 200)
    const second = await plugin.run([...args.slice(0, -1), new URL(url).host], { out: 'other' })
    assert.equal(second.code, 75)
    assert.match(second.stderr, /cannot listen on 127\.0\.0\.1:\d+ \[E_PORT\]/)
    run.kill('SIGKILL')
    await run.done
  })

  test('--metrics-file holds the final figures of a cron run, whatever becomes of it', async t => {
    const mock = await startMock()
    t.after(() => mock.end())
    const plugin = steered()
    t.after(() => plugin.end())
    await mock.produceRaw('cron', [
      ...recordsOf({ path: 'a.dat', content: randomBytes(3_000) }),
      ...recordsOf({ path: 'b.dat', content: randomBytes(3_000) }),
    ])
    plugin.order({ 'b.dat': 'fail' })
    const args = ['-t', 'cron', '--retries', '0', '--until-end', '--metrics-file', 'm/cron.prom']
    const result = await plugin.run([...soon, '-b', mock.brokers, ...args])
    assert.equal(result.code, 3, result.stderr)
    const folder = join(plugin.folder, 'm')
    const text = readFileSync(join(folder, 'cron.prom'), 'utf8')
    assert.match(text, /^dfsp_files_total\{result="ok",topic="cron",group="dfsp\.steered\.cron"\} 1$/m)
    assert.match(text, /^dfsp_files_total\{result="failed",.*\} 1$/m)
    assert.match(text, /^dfsp_ready\{.*\} 1$/m)
    assert.match(text, /^dfsp_consumer_lag_records\{partition="0",.*\} 0$/m)
    const success = /^dfsp_last_success_timestamp_seconds\{.*\} (\d+)/m
    assert.ok(Math.abs(Number(success.exec(text)?.[1]) - Date.now() / 1_000) < 60)
    assert.deepEqual(readdirSync(folder), ['cron.prom'])
  })
})
