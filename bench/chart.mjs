// The rates as bars, a picture for the documentation: drawn to SVG without a browser.
import * as echarts from 'echarts'
import { rate } from './report.mjs'

const WIDTH = 860
const BAR = 15
const COLOURS = {
  dfsp: '#1f77b4',
  yardstick: '#999999',
  'raw client, Node': '#cccccc',
  'raw client, C': '#e3e3e3',
  OpenMSIStream: '#d95f02',
  'OpenMSIStream tuned': '#f4a261',
}

/** The contenders of each row in percent of the fastest but the raw clients, whose bars would hide all others. */
export function chartSvg(results) {
  const shown = results.filter(
    ({ row, runs }) =>
      row.targets !== undefined && rate(row, runs, 'dfsp') > 0 && Object.keys(runs).length > 1,
  )
  const names = ['yardstick', 'dfsp', 'OpenMSIStream tuned', 'OpenMSIStream'].filter(name =>
    shown.some(({ row, runs }) => rate(row, runs, name) > 0),
  )
  const height = 90 + shown.length * (names.length + 1.4) * BAR
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    legend: { top: 8, itemGap: 36, data: names },
    grid: { left: 260, right: 90, top: 40, bottom: 30 },
    xAxis: { type: 'value', max: 'dataMax', axisLabel: { formatter: '{value} %' }, name: '' },
    yAxis: {
      type: 'category',
      inverse: true,
      data: shown.map(
        ({ row, broker }) => `${row.title}\n${broker === 'kafka' ? 'Apache Kafka' : 'memory broker'}`,
      ),
      axisLabel: { fontSize: 11, width: 250, overflow: 'break' },
    },
    series: names.map(name => ({
      name,
      type: 'bar',
      barMaxWidth: BAR,
      itemStyle: { color: COLOURS[name] },
      data: shown.map(result => bar(result, name)),
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  // What a mouse would change is left out; who does not see it is told what it shows.
  return svg
    .replace(/<style[\s\S]*?<\/style>/, '')
    .replace('>', '><title>Rates of dfsp and its peers, in percent of the fastest</title>')
}

function bar({ row, runs }, name) {
  const value = rate(row, runs, name)
  if (!value) return { value: null }
  const fastest = Math.max(...['yardstick', 'dfsp', 'OpenMSIStream'].map(who => rate(row, runs, who)))
  const unit = row.unit === 'files_per_s' ? 'files/s' : 'MB/s'
  return {
    value: +((100 * value) / fastest).toFixed(1),
    label: { show: true, position: 'right', fontSize: 10, formatter: `${Math.round(value)} ${unit}` },
  }
}
