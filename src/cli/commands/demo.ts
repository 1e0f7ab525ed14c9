/** `dfsp demo`: see it work, without Kafka and without files. */
import { oneLine } from '../../core/text/shown-text.ts'
import type { Demo } from '../../local/demo.ts'
import { demoLine } from '../../report/commands/demo-report.ts'
import { type UploadEvent, type UploadSummary, uploadReporter } from '../../report/commands/upload-report.ts'
import type { RunEvent, RunSummary } from '../../report/events.ts'
import { formatBytes } from '../../report/quantities.ts'
import { willWork } from '../../run/shutdown.ts'
import type { Command, Invocation } from '../command.ts'
import { pluginTemplate } from '../init/templates.ts'
import type { Console } from '../terminal/console.ts'

export const command: Command = {
  name: 'demo',
  describe:
    'Starts a broker in this process, sends six files in small chunks and runs on them the plugin that dfsp init writes. One file fails on purpose. Nothing is left behind.',
  examples: [
    ['dfsp demo', 'six files, about ten seconds'],
    ['dfsp demo --hold', 'a broker for dfsp upload and dfsp run in another terminal'],
  ],
  async run(invocation) {
    const { values } = await invocation.settings()
    willWork()
    const [{ openDemo }, { openConsole }] = await Promise.all([
      import('../../local/demo.ts'),
      import('../terminal/console.ts'),
    ])
    const console = openConsole(invocation, values, { topic: 'demo' })
    try {
      const demo = await openDemo(pluginTemplate('plot'), values)
      try {
        if (values.hold) return await hold(demo, console, invocation)
        return await (values.json ? demoAsJson : demoAsText)(demo, console)
      } finally {
        await demo.close()
      }
    } finally {
      await console.close()
    }
  },
}

async function demoAsText(demo: Demo, console: Console): Promise<number> {
  const say = (text: string) => {
    for (const line of text.split('\n')) console.out(oneLine(line))
  }
  say(`A broker in this process: ${demo.brokers}\n`)
  let sent: UploadSummary | undefined
  const { exit, error } = await demo.upload(event => {
    if (event.type === 'summary') sent = event.summary
    else if (event.type === 'problem') console.log.write('warn', event.text)
  })
  if (error) throw error
  if (exit !== 0 || sent === undefined) return exit
  say(
    `Sent ${sent.files} files, ${formatBytes(sent.bytes)}, as ${sent.chunks} chunks, scattered over 4 partitions.`,
  )
  say(
    '\nThe plugin that `dfsp init plugin plot` writes, on each file once it is whole and its SHA-512 is right:\n',
  )
  let summary: RunSummary | undefined
  const outcome = await demo.run(
    event => {
      if (event.type === 'summary') summary = event.summary
      const line = demoLine(event)
      if (line !== undefined) say(line)
    },
    ({ message, fields, path }) => say(`  log    ${path ?? ''}  ${message}: ${pairs(fields)}`),
  )
  if (outcome.error) throw outcome.error
  if (summary === undefined || !asPlanned(summary)) return outcome.exit
  say(ENDING)
  return 0
}

async function demoAsJson(demo: Demo, console: Console): Promise<number> {
  const print = console.out
  const uploaded = uploadReporter({ log: console.log, json: print, list: undefined, draw: undefined })
  const { exit, error } = await demo.upload(uploaded)
  if (error) throw error
  if (exit !== 0) return exit
  let last = 0
  const outcome = await demo.run(event => {
    const told: RunEvent =
      event.type === 'summary' && asPlanned(event.summary)
        ? { ...event, summary: { ...event.summary, exit: 0 } }
        : event
    if (told.type === 'summary') last = told.summary.exit
    console.report(told)
  }, console.logFromPlugin)
  if (outcome.error) throw outcome.error
  return last
}

/** Says on stdout nothing but the address, for `eval` and scripts. */
async function hold(demo: Demo, console: Console, { stdout, stderr }: Invocation): Promise<number> {
  const { exit, error } = await demo.upload(quietly(console))
  if (error) throw error
  if (exit !== 0) return exit
  stdout.write(`BROKERS=${demo.brokers}\n`)
  stderr.write(holdText(demo.brokers))
  await demo.hold()
  return 0
}

function quietly({ log }: Console): (event: UploadEvent) => void {
  return event => {
    if (event.type === 'problem') log.write('warn', event.text)
  }
}

function pairs(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

/** Five files processed, the bad one not. */
function asPlanned({ done, failed, mismatched, undecodable, incomplete }: RunSummary): boolean {
  return done === 5 && failed === 1 && mismatched + undecodable + incomplete === 0
}

const LIMITS =
  "This broker is librdkafka's mock: in memory, 5 MiB per partition and then the oldest records vanish; topics appear on first use with 4 partitions; no transactions, and --from and --to find no times. For real work use Apache Kafka."

const ENDING = `
5 files processed, 1 failed on purpose: it was tried 3 times, then held. Its offset stays uncommitted, so it would come
again at the next start. \`dfsp run --until-end\` says so with exit status 3; the demo ends with 0.

Next:
  dfsp init plugin plot                        the plugin you just saw, and samples
  dfsp try ./plot.ts samples/*.csv             run it on local files
  dfsp run -p ./plot.ts -t TOPIC -b HOST:9092  run it on a topic of your own
  dfsp demo --hold                             such a broker for two terminals

${LIMITS}`

function holdText(brokers: string): string {
  return `
The broker runs until Ctrl-C. Topic demo has six files. In another terminal:
  dfsp run -p save -t demo -b ${brokers} -o out --until-end
  dfsp upload FILE -t mine -b ${brokers}
  dfsp run -p ./plot.ts -t mine -b ${brokers}

${LIMITS}
`
}
