import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openSentFiles, type SentTo } from '../../src/files/sent-files.ts'
import { makeTree, removeTree } from '../support/trees.ts'

describe('files that were sent', () => {
  let state: string
  let to: SentTo
  beforeEach(() => {
    state = makeTree()
    to = { brokers: 'lab:9092', topic: 'xrd', topicId: undefined, subdir: '', root: join(state, 'data') }
  })
  afterEach(() => removeTree(state))
  const problems: string[] = []
  const open = (more: Partial<SentTo> = {}, skipsLeftOut = false) =>
    openSentFiles(state, { ...to, ...more }, { skipsLeftOut, problem: text => void problems.push(text) })
  const a = () => join(to.root, 'a.csv')

  test('are known after a restart by size and time, and not on another topic, broker or subdir', () => {
    const first = open()
    first.add(a(), '1:1', 'sent')
    first.close()
    const again = open()
    assert.deepEqual([again.has(a(), '1:1'), again.has(a(), '2:1'), again.size], [true, false, 1])
    again.close()
    for (const other of [{ topic: 'y' }, { brokers: 'b:1' }, { subdir: 's' }]) {
      const elsewhere = open(other)
      assert.equal(elsewhere.has(a(), '1:1'), false)
      elsewhere.close()
    }
  })

  test('are all to be sent again to a topic that was made anew', () => {
    const first = open({ topicId: 'one' })
    first.add(a(), '1:1', 'sent')
    first.close()
    const unknown = open()
    assert.equal(unknown.has(a(), '1:1'), true)
    unknown.close()
    const kept = open({ topicId: 'one' })
    kept.close()
    const other = open({ topicId: 'two' })
    assert.equal(other.has(a(), '1:1'), false)
    assert.match(problems.at(-1) ?? '', /is not the one that files were sent to before/)
    other.close()
  })

  test('are not waited for where a pipe stands in the place of their file or its lock', () => {
    open().close()
    const [name] = fs.readdirSync(join(state, 'upload'))
    for (const at of [name, `${name}.lock`]) {
      const file = join(state, 'upload', String(at))
      fs.rmSync(file, { force: true })
      execFileSync('mkfifo', [file])
      assert.throws(open, {
        code: 'E_OUTPUT',
        facts: [`${file} is a pipe, a file is needed there: remove it`],
      })
      fs.rmSync(file)
    }
    open().close()
  })

  test('are known but for the line that a kill cut off', () => {
    const first = open()
    first.add(a(), '1:1', 'sent')
    first.add(join(to.root, 'b'), '1:1', 'sent')
    first.close()
    const [name] = fs.readdirSync(join(state, 'upload'))
    const file = join(state, 'upload', name as string)
    fs.truncateSync(file, fs.statSync(file).size - 5)
    const again = open()
    assert.deepEqual([again.has(a(), '1:1'), again.size], [true, 1])
    again.close()
  })

  test('left out at the first start, they are known only where they are to be left out', () => {
    const first = open({}, true)
    first.add(a(), '1:1', 'left-out')
    first.setBaseline()
    first.close()
    for (const skips of [true, false]) {
      const again = open({}, skips)
      assert.deepEqual([again.has(a(), '1:1'), again.hasBaseline], [skips, true])
      again.close()
    }
  })

  test('a lock of a process that is gone, or of another host, is taken over', () => {
    const first = open()
    first.close()
    const [name] = fs.readdirSync(join(state, 'upload'))
    const lock = join(state, 'upload', `${name}.lock`)
    for (const holder of ['1 another-host', '999999999 ']) {
      fs.writeFileSync(lock, holder)
      open().close()
    }
  })

  test('a state folder that cannot be made is E_OUTPUT', () => {
    fs.writeFileSync(join(state, 'upload'), '')
    assert.throws(() => open(), { code: 'E_OUTPUT' })
  })
})
