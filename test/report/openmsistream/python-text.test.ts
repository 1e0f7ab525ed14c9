import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import {
  csvField,
  pythonIsoUtc,
  pythonJson,
  pythonRepr,
  registryTime,
} from '../../../src/report/openmsistream/python-text.ts'

test('names are written as repr() in a csv field', () => {
  const cases = {
    'a.dat': "'a.dat'",
    "it's.dat": '"""it\'s.dat"""',
    'semi;colon': `"'semi;colon'"`,
    'q"uote': `"'q""uote'"`,
    'both\'"': `"'both\\'""'"`,
    'tab\t\n\r': "'tab\\t\\n\\r'",
    'back\\slash': "'back\\\\slash'",
    'Größe 測定 😀': "'Größe 測定 😀'",
    '\u200b\u00a0\u0007\u{e0001}': "'\\u200b\\xa0\\x07\\U000e0001'",
  }
  for (const [name, field] of Object.entries(cases)) assert.equal(csvField(pythonRepr(name)), field)
})

test('JSON and times are those of Python itself', t => {
  const value = { a: 'Größe "x" \\ \u007f 😀\n', n: [0, 1.5, 12], deep: { e: [] } }
  const ms = 1_764_040_704_123
  const script = `import json,sys,datetime,os
os.environ['TZ']=sys.argv[3]
import time;time.tzset()
print(json.dumps(json.loads(sys.argv[1])))
d=int(sys.argv[2])/1000
print(datetime.datetime.fromtimestamp(d,datetime.timezone.utc).isoformat())
print(datetime.datetime.fromtimestamp(d).strftime("%a %b %d, %Y at %H:%M:%S"))`
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  let said: string[]
  try {
    said = execFileSync('python3', ['-c', script, JSON.stringify(value), String(ms), zone], {
      encoding: 'utf8',
    }).split('\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('no python3')
    throw error
  }
  assert.deepEqual([pythonJson(value), pythonIsoUtc(ms), registryTime(ms)], said.slice(0, 3))
})
