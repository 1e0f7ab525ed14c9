import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../bin/dfsp.js', import.meta.url))

/** Later ones need fewer themselves. */
const TOO_FEW = Number.parseInt(process.versions.node, 10) < 22 ? [26, 30, 36] : [26, 28]

for (const most of TOO_FEW)
  test(`fault 61: a process that may open ${most} files says so instead of beginning, also with --json`, t => {
    if (process.platform !== 'linux') return t.skip('how many Node itself needs differs')
    const run = `exec "${process.execPath}" "${PROGRAM}" run -p save -b 127.0.0.1:1 -t x --json`
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `ulimit -n ${most}; ${run}`], {
      encoding: 'utf8',
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined }, // read, or not, before dfsp begins
    })
    assert.equal(status, 75, stderr)
    assert.match(
      stderr,
      /^dfsp: no further file can be opened \[E_OPEN_FILES\]\n {2}EMFILE.*\nTry: ulimit -n/,
    )
    assert.equal(JSON.parse(stdout).code, 'E_OPEN_FILES')
  })
