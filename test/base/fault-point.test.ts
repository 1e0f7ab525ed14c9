import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MODULE = fileURLToPath(import.meta.resolve('../../src/base/fault-point.ts'))
const PROGRAM = `
const { faultPoint } = await import(${JSON.stringify(MODULE)})
for (let i = 1; i <= 3; i++) {
  faultPoint('before-rename')
  process.stdout.write(i + ' ')
}
`

/** Passes `before-rename` three times. */
function passer(fault: string | undefined) {
  const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', PROGRAM], {
    env: { ...process.env, DFSP_FAULT: fault },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = { text: '' }
  child.stdout.setEncoding('utf8').on('data', text => {
    output.text += text
  })
  return { child, output, closed: once(child, 'close') }
}

test('a fault point does nothing without the variable, or for another point', async () => {
  for (const fault of [undefined, '', 'after-rename', 'before-rename:4']) {
    const { output, closed } = passer(fault)
    assert.deepEqual(await closed, [0, null])
    assert.equal(output.text, '1 2 3 ')
  }
})

test('a fault point kills the process at the passage that is named', async () => {
  const { output, closed } = passer('before-rename:3')
  assert.deepEqual(await closed, [null, 'SIGKILL'])
  assert.equal(output.text, '1 2 ')
})

test('a fault point can stop the process until it is continued', async () => {
  const { child, output, closed } = passer('before-rename:2:stop')
  while (!output.text.includes('1 ')) await once(child.stdout, 'data')
  while (!stopped(child.pid as number)) await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal(output.text, '1 ')
  child.kill('SIGCONT')
  assert.deepEqual(await closed, [0, null])
  assert.equal(output.text, '1 2 3 ')
})

function stopped(pid: number): boolean {
  return /^.*\) T/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}
