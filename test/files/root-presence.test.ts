import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { attendRoots, type Look, lookAt } from '../../src/files/root-presence.ts'
import { noSmallDisk, smallDisk } from '../support/small-disk.ts'
import { makeTree, removeTree } from '../support/trees.ts'
import { until } from '../support/until.ts'

interface Attended {
  readonly heard: string[]
  readonly looks: () => number
}

function attended(t: { after(work: () => void): void }, path: string, look = lookAt): Attended {
  const heard: string[] = []
  const stop = new AbortController()
  let looks = 0
  t.after(() => stop.abort())
  attendRoots(
    [{ path, shown: path, isFolder: true }],
    {
      away: (_, why) => heard.push(why),
      back: (_, wasAway) => heard.push(wasAway ? 'back' : 'another'),
    },
    stop.signal,
    async root => {
      try {
        return await look(root)
      } finally {
        looks++
      }
    },
  )
  return { heard, looks: () => looks }
}

test('another folder at the path of one that was removed is heard of', async t => {
  const folder = makeTree()
  t.after(() => removeTree(folder))
  const data = join(folder, 'data')
  const other = join(folder, 'other')
  fs.mkdirSync(data)
  fs.mkdirSync(other)
  const { heard, looks } = attended(t, data)
  await until(() => looks() > 0)
  fs.renameSync(data, join(folder, 'before'))
  fs.renameSync(other, data)
  await until(() => heard.length > 0)
  assert.deepEqual(heard, ['another'])
})

test('a folder that does not answer is away until it does', async t => {
  let answer = (_: Look) => {}
  const silent = new Promise<Look>(resolve => {
    answer = resolve
  })
  let asked = 0
  const { heard } = attended(t, '/silent', () => {
    asked++
    return silent
  })
  await until(() => heard.length > 0)
  assert.deepEqual(heard, ['does not answer'])
  assert.equal(asked, 1, 'a look that hangs takes a thread of the pool')
  answer({ id: '1', isMount: true })
  await until(() => heard.length > 1)
  assert.deepEqual(heard, ['does not answer', 'back'])
})

test('a folder whose mount is gone is away, though its place is there', { skip: noSmallDisk }, async t => {
  const disk = smallDisk(1024 * 1024)
  t.after(() => disk.end())
  const { heard, looks } = attended(t, disk.folder)
  await until(() => looks() > 0)
  execFileSync('umount', ['-l', disk.folder])
  await until(() => heard.length > 0)
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', disk.folder])
  await until(() => heard.length > 1)
  assert.deepEqual(heard, ['is not mounted any more', 'back'])
})
