/**
 * What users do most, on brokers of other versions: `npm run test:brokers -- 2.8.2 3.3.2`. Each is fetched on its first use.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Cli } from '../support/cli.ts'
import { runCli } from '../support/cli.ts'
import { type Kafka, startKafka } from '../support/kafka.ts'
import { type Steered, steered } from '../support/steered.ts'
import { createTopic, endOffsets, readCommitted } from '../support/topics.ts'
import { until } from '../support/until.ts'

const versions = process.argv.slice(2)
if (versions.length === 0) throw new Error('which versions? npm run test:brokers -- 2.8.2 3.3.2')

for (const version of versions)
  describe(`Apache Kafka ${version}`, () => {
    let kafka: Kafka
    let plugin: Steered
    before(async () => {
      plugin = steered()
      kafka = await startKafka({ version })
    })
    after(async () => {
      plugin.end()
      await kafka?.end()
    })
    const on = (topic: string) => ['-b', kafka.brokers, '-t', topic]
    const start = (topic: string, host: string, ...more: string[]): Cli =>
      plugin.start([...on(topic), '-g', topic, ...more], { out: `${topic}-${host}` })

    /** Sends as many files; returns their paths on the topic. */
    async function upload(topic: string, name: string, count: number): Promise<string[]> {
      const folder = join(plugin.folder, name)
      mkdirSync(folder)
      const files = Array.from({ length: count }, (_, i) => `${name}${i}.dat`)
      for (const file of files) writeFileSync(join(folder, file), randomBytes(50_000))
      const args = ['upload', folder, ...on(topic), '--chunk-size', '16KiB']
      const { code, stderr } = await runCli(args, { cwd: plugin.folder })
      assert.equal(code, 0, stderr)
      return files
    }
    const isCommitted = (topic: string) =>
      until(async () => {
        const committed = (await readCommitted(kafka.brokers, topic, topic)).map(({ offset }) => offset)
        return String(committed) === String(await endOffsets(kafka.brokers, topic))
      })

    test('upload, ls, run, status, retry, get and config check', async () => {
      const topic = 'commands'
      await createTopic(kafka.brokers, topic, 4)
      const paths = await upload(topic, 'c', 20)
      const look = async (...args: string[]) => {
        const found = await runCli([...args, ...on(topic)], { cwd: plugin.folder })
        assert.equal(found.code, 0, found.stderr)
        return found.stdout
      }
      assert.equal((await look('ls')).match(/complete/g)?.length, paths.length)
      plugin.order({ 'c3.dat': 'fail' })
      const first = await start(topic, 'a', '--until-end', '--retries', '0').done
      assert.equal(first.code, 3, first.stderr)
      assert.match(await look('status', '-g', topic), /1 file unfinished:\n {2}c3\.dat/)
      plugin.order({})
      const again = [...on(topic), '-g', topic, '--yes']
      const second = await plugin.run(again, { out: `${topic}-a`, command: 'retry' })
      assert.equal(second.code, 0, second.stderr)
      assert.deepEqual(plugin.ended().sort(), paths.toSorted())
      assert.match(await look('status', '-g', topic), /lag 0 records/)
      assert.match(await look('get', 'c3.dat', '-o', 'got'), /ok {4}c3\.dat/)
      const checked = await look('config', 'check', '--connect', '-g', topic)
      const wrong = checked
        .trim()
        .split('\n')
        .filter(line => !/^(ok|skip) /.test(line))
      assert.deepEqual(wrong, [])
    })

    test('hosts that share a topic: one is killed, one comes, one is stopped; nothing is lost', async () => {
      const topic = 'shared'
      await createTopic(kafka.brokers, topic, 4)
      plugin.forget()
      const hosts = ['a', 'b'].map(host => start(topic, host, '--shared'))
      await Promise.all(hosts.map(host => host.waitFor(/reading 2 partitions|2 stay/)))
      const before = await upload(topic, 's', 20)
      hosts[1]?.kill('SIGKILL')
      const [first] = hosts as [Cli]
      await first.waitFor(/reading 2 more partitions/)
      for (const path of before) await plugin.until('end', path)
      const third = start(topic, 'c', '--shared')
      await third.waitFor(/reading 2 partitions/)
      const later = await upload(topic, 't', 20)
      first.kill('SIGTERM')
      const stopped = await first.done
      assert.equal(stopped.code, 0, stopped.stderr)
      for (const path of later) await plugin.until('end', path)
      await isCommitted(topic)
      third.kill('SIGTERM')
      assert.equal((await third.done).code, 0)
      assert.deepEqual([...new Set(plugin.ended())].sort(), [...before, ...later].sort())
    })

    test('group.protocol=consumer works, or is one clear error', async () => {
      const topic = 'protocol'
      await createTopic(kafka.brokers, topic, 4)
      const { code, stderr } = await start(topic, 'a', '--until-end', '-X', 'group.protocol=consumer').done
      if (Number.parseFloat(version) >= 4) assert.equal(code, 0, stderr)
      else assert.match(stderr, /the broker does not know group\.protocol = consumer \[E_CONFIG\]/)
    })
  })
