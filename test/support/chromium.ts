/** Headless Chromium for the status page: `test('...', { skip: noChromium }, ...)`. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PROGRAM = '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Why tests that need a browser are skipped, or false. With CI=true a missing one is a failure. */
export const noChromium =
  process.env.CI !== 'true' && !existsSync(PROGRAM) && 'no Chromium: npm run setup installs it where it may'

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS, timeout: 180_000 })
}
