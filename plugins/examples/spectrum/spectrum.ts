#!/usr/bin/env -S dfsp run --plugin
/** Draws each scan as an SVG with its highest peaks: `dfsp run -p ./spectrum.ts -t xrd -o plots/`. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Context, DataFile } from 'dfsp'
import * as echarts from 'echarts'

export const options = {
  x: { type: 'number', default: 0, describe: 'column of the horizontal axis, from 0' },
  y: { type: 'number', default: 1, describe: 'column of the vertical axis' },
  peaks: { type: 'number', default: 5, describe: 'how many peaks to name' },
  log: { type: 'boolean', default: false, describe: 'logarithmic vertical axis' },
} as const

type Point = readonly [x: number, y: number]

export default async function spectrum(file: DataFile, ctx: Context<typeof options>): Promise<Error | null> {
  const { x, y } = ctx.options
  const [head = '', ...lines] = file.text().trim().split(/\r?\n/)
  const points = lines
    .map(line => line.split(','))
    .map((cells): Point => [Number.parseFloat(cells[x] ?? ''), Number.parseFloat(cells[y] ?? '')])
    .filter(point => point.every(Number.isFinite))
  if (points.length < 3) return new Error(`${points.length} points: no scan in columns ${x} and ${y}`)

  const names = head.split(',')
  const svg = draw(file.name, [names[x] ?? '', names[y] ?? ''], points, ctx.options)
  const target = path.join(ctx.outputDir, `${file.path}.svg`)
  const whole = path.join(ctx.tmpDir, 'plot.svg')
  await fs.writeFile(whole, svg)
  await fs.mkdir(path.dirname(target), { recursive: true })
  await fs.rename(whole, target)
  ctx.logger.info('drawn', { points: points.length, svg: target })
  return null
}

function draw(
  title: string,
  [xName, yName]: readonly [string, string],
  points: readonly Point[],
  { log, peaks }: Context<typeof options>['options'],
): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 480 })
  chart.setOption({
    animation: false,
    title: { text: title, left: 'center', top: 12, textStyle: { fontWeight: 'normal' } },
    grid: { left: 80, right: 40, top: 60, bottom: 60 },
    xAxis: {
      type: 'value',
      name: xName,
      nameLocation: 'middle',
      nameGap: 32,
      min: 'dataMin',
      max: 'dataMax',
    },
    yAxis: { type: log ? 'log' : 'value', name: yName, nameLocation: 'middle', nameGap: 56 },
    series: {
      type: 'line',
      data: points.map(([x, y]) => [x, log ? Math.max(1, y) : y]),
      showSymbol: false,
      lineStyle: { width: 1.2, color: '#1f5fa8' },
      markPoint: {
        symbol: 'circle',
        symbolSize: 4,
        itemStyle: { color: '#c0392b' },
        label: { position: 'top', color: '#c0392b', formatter: '{b}' },
        data: highest(points, peaks).map(([x, y]) => ({ name: x.toFixed(2), coord: [x, y] })),
      },
    },
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** The highest points that no higher one is near to. */
function highest(points: readonly Point[], count: number): readonly Point[] {
  const [first, last] = [points[0] as Point, points.at(-1) as Point]
  const near = Math.abs(last[0] - first[0]) / 50
  const taken: Point[] = []
  for (const point of points.toSorted((a, b) => b[1] - a[1])) {
    if (taken.length >= count) break
    if (taken.every(([x]) => Math.abs(x - point[0]) > near)) taken.push(point)
  }
  return taken
}
