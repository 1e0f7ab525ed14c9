import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { makeTree, removeTree } from '../support/trees.ts'

let folder: string
before(() => {
  folder = makeTree({ 'run 7/raw/scan.csv': '1,2' }, 1_700_000_000)
})
after(() => removeTree(folder))

test('a message says what is known of the file, under OpenMSIStream’s key', async () => {
  const before = new Date().toISOString()
  const result = await runCli(['try', 'metadata', 'run 7', '--json', '--add', 'site=A', '--add', 'by=a=b'], {
    cwd: folder,
  })
  assert.equal(result.code, 0, result.stderr)
  const [produced] = result.stdout.split('\n').map(line => line && JSON.parse(line))
  assert.equal(produced.key, 'run 7_raw_scan.csv_chunk_processing_result')
  const { metadata_message_generated_at, delivery_id, ...message } = JSON.parse(produced.value)
  assert.deepEqual(message, {
    filename: 'scan.csv',
    relative_filepath: 'run 7/raw/scan.csv',
    subdir_str: 'run 7/raw',
    size_in_bytes: 3,
    sha512: createHash('sha512').update('1,2').digest('hex'),
    modified_at: '2023-11-14T22:13:20.000Z',
    topic: 'try',
    site: 'A',
    by: 'a=b',
  })
  assert.match(delivery_id, /^[0-9a-f]{32}$/)
  assert.ok(metadata_message_generated_at >= before)
})

test('--add without a value ends the run before its first file', async () => {
  const result = await runCli(['try', 'metadata', 'run 7', '--add', 'site'], { cwd: folder })
  assert.equal(result.code, 78)
  assert.match(result.stderr, /metadata: setup\(\) failed \[E_PLUGIN\]\n {2}--add: "site" is not name=value/)
})
