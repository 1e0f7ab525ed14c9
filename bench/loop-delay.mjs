// Preloaded into dfsp (`node --import`): the event-loop delay of its main thread from the moment it says "reading",
// written as JSON into the file that BENCH_LOOP_DELAY names when the process ends.
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

const RESOLUTION_MS = 10

if (isMainThread && process.env.BENCH_LOOP_DELAY) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const write = process.stderr.write
  process.stderr.write = (text, ...rest) => {
    if (String(text).includes('reading')) {
      process.stderr.write = write
      delay.enable()
    }
    return write.call(process.stderr, text, ...rest)
  }
  process.on('exit', () => {
    // A sample is the time between two ticks of a timer.
    const ms = nanoseconds => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
    const figures = { p99: ms(delay.percentile(99)), max: ms(delay.max), samples: delay.count }
    writeFileSync(process.env.BENCH_LOOP_DELAY, JSON.stringify(figures))
  })
}
