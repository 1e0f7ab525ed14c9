/**
 * `npm run test:packages`: installs packages that people use in plugins, each into a folder outside of the tree, and runs
 * a plugin that computes something with it through `dfsp try`, and through `dfsp run` on the demo's broker. What cannot
 * be installed here is skipped, with the reason. Not part of `npm test`: it takes minutes, and the registry.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PACKAGES, SAMPLE, type Used } from './packages.ts'

const run = promisify(execFile)
const BIN = fileURLToPath(new URL('../../bin/dfsp.js', import.meta.url))
const MOST_INSTALL_MS = 900_000
const MOST_RUN_MS = 60_000

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-packages-'))
const demo = spawn(process.execPath, [BIN, 'demo', '--hold'], {
  stdio: ['ignore', 'pipe', 'inherit'],
  cwd: root,
})
let brokers: string

before(async () => {
  for await (const line of createInterface(demo.stdout)) {
    brokers = /^BROKERS=(.+)$/.exec(line)?.[1] ?? ''
    if (brokers !== '') break
  }
  fs.mkdirSync(path.join(root, 'sent'))
  fs.writeFileSync(path.join(root, 'sent/sample.csv'), SAMPLE)
  await dfsp(root, 'upload', 'sent', '-t', 'samples', '-b', brokers)
})
after(async () => {
  demo.kill()
  await once(demo, 'exit')
  fs.rmSync(root, { recursive: true })
})

for (const [name, used] of Object.entries(PACKAGES))
  test(`a plugin that uses ${name} computes what it must, in try and in run`, async t => {
    const folder = path.join(root, name.replaceAll(' ', '-'))
    write(folder, used)
    const refused = await install(folder, used.install)
    if (refused !== undefined) return t.skip(`cannot be installed here: ${refused}`)
    await dfsp(folder, 'try', './plugin.ts', '../sent/sample.csv')
    assert.deepEqual(resultIn(folder), used.expected)
    await dfsp(
      folder,
      'run',
      '-p',
      './plugin.ts',
      '-t',
      'samples',
      '-b',
      brokers,
      '--until-end',
      '--retries',
      '0',
      '--group',
      `packages.${name.replaceAll(' ', '-')}`,
    )
    assert.deepEqual(resultIn(folder), used.expected)
  })

function write(folder: string, { imports, compute, files = {} }: Used): void {
  fs.mkdirSync(folder)
  const plugin = `import { writeFileSync } from 'node:fs'
${imports}
async function compute(file: any): Promise<unknown> {
${compute}
}
export default async (file: any): Promise<null> => {
  writeFileSync('result.json', JSON.stringify(await compute(file)))
  return null
}
`
  for (const [file, text] of Object.entries({ 'plugin.ts': plugin, 'package.json': '{}', ...files }))
    fs.writeFileSync(path.join(folder, file), text)
}

/** Gives the reason, where it does not work. */
async function install(cwd: string, packages: readonly string[]): Promise<string | undefined> {
  try {
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], {
      cwd,
      timeout: MOST_INSTALL_MS,
    })
    return undefined
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    return stderr.split('\n').find(line => /npm error (?!code|A complete|path)/.test(line)) ?? message
  }
}

/** Throws when it does not end with 0, and with what it printed. */
async function dfsp(cwd: string, ...args: string[]): Promise<void> {
  try {
    await run(process.execPath, [BIN, ...args], { cwd, timeout: MOST_RUN_MS })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    assert.fail(`dfsp ${args[0]}: ${stdout}${stderr}`)
  }
}

/** Takes it away, so that the next run has to make it. */
function resultIn(folder: string): unknown {
  const file = path.join(folder, 'result.json')
  const result = JSON.parse(fs.readFileSync(file, 'utf8'))
  fs.rmSync(file)
  return result
}
