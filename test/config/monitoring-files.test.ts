/** The Grafana dashboard and the alert rules that come with dfsp ask for figures that a run really has. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { metrics } from '../../src/report/monitor/metrics.ts'
import { viewOf } from '../report/view.ts'

const ALERTS = fileURLToPath(import.meta.resolve('../../config/alerts.yml'))
const DASHBOARD = fileURLToPath(import.meta.resolve('../../config/grafana-dashboard.json'))

const FUNCTIONS = ['sum', 'max', 'min', 'rate', 'increase', 'deriv', 'histogram_quantile', 'time']
const WORDS = ['by', 'and', 'on']

/** Series of a run -> its labels. */
const series = new Map<string, ReadonlySet<string>>()
before(async () => {
  const figures = metrics({
    ...{
      topic: 'xrd',
      group: 'g',
      member: 'lab1',
      process: false,
      lastSuccess: undefined,
      now: () => 1_700_000_000_000,
    },
  })
  figures.attach(viewOf())
  for (const line of (await figures.text('own')).split('\n')) {
    const [, name, labels = ''] = /^(\w+)\{(.*)\} /.exec(line) ?? []
    if (name) series.set(name, new Set([...labels.matchAll(/(\w+)="/g)].map(([, label]) => label ?? '')))
  }
})

function check(expr: string): void {
  const bare = expr.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[(\d+[smhd]|\$__\w+)\]/g, '')
  const open: string[] = []
  for (const letter of bare) {
    if ('({'.includes(letter)) open.push(letter)
    if (')}'.includes(letter)) assert.equal(open.pop(), letter === ')' ? '(' : '{', expr)
  }
  assert.deepEqual(open, [], expr)
  const names = [...bare.matchAll(/\bdfsp_\w+/g)].map(([name]) => name)
  assert.ok(names.length > 0, expr)
  const labels = new Set(
    names.flatMap(name => {
      const own = series.get(name)
      assert.ok(own, `${name} is no series of a run: ${expr}`)
      return [...own]
    }),
  )
  for (const [, list = ''] of [...bare.matchAll(/(?:\b(?:by|on) \(([^)]*)\)|\{([^}]*)\})/g)].map(m => [
    m[0],
    m[1] ?? m[2],
  ]))
    for (const label of list.split(',').map(text => /\w+/.exec(text)?.[0] ?? ''))
      assert.ok(labels.has(label), `${label} is no label of ${names}: ${expr}`)
  for (const [, word = ''] of bare.replaceAll(/\{[^}]*\}/g, '').matchAll(/\b([a-z_]+)(?= ?\()/g))
    assert.ok([...FUNCTIONS, ...WORDS].includes(word), `${word} is no function: ${expr}`)
}

test('each alert rule asks for series and labels that are there', () => {
  const text = readFileSync(ALERTS, 'utf8')
  const rules = text.split(/^ {6}- alert: /m).slice(1)
  assert.ok(rules.length >= 10)
  for (const rule of rules) {
    check(/^ {8}expr: (.*)$/m.exec(rule)?.[1] ?? '')
    assert.match(
      rule,
      /^\w+\n[\s\S]*labels: \{ severity: (warning|critical) \}\n {8}annotations:\n {10}summary: ['"].*['"]\n {10}description: ['"].*['"]\n/,
    )
  }
})

test("the rules are Prometheus' own tool's idea of rules", t => {
  try {
    execFileSync('promtool', ['check', 'rules', ALERTS])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('no promtool')
    throw error
  }
})

test('each panel of the dashboard asks for series and labels that are there, and has a place of its own', () => {
  const { panels, templating, schemaVersion } = JSON.parse(readFileSync(DASHBOARD, 'utf8'))
  assert.ok(schemaVersion >= 36)
  const places = new Set<string>()
  for (const { id, title, type, targets, gridPos, datasource } of panels) {
    assert.ok(['stat', 'timeseries'].includes(type), title)
    assert.equal(datasource.uid, '$' + '{datasource}')
    assert.ok(gridPos.x + gridPos.w <= 24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!places.has(`${x},${y}`), `${title} (${id}) lies on another panel`)
        places.add(`${x},${y}`)
      }
    for (const { expr } of targets) check(expr)
  }
  assert.deepEqual(
    templating.list.map((v: { name: string }) => v.name),
    ['datasource', 'topic', 'group'],
  )
})
