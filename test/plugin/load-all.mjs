// Loads plugins as the installed program does: compiled code, plain Node, no tsx around it. Takes `file:` URLs as
// arguments; prints for each, in that order, a line of JSON: what it exports and what it answers to a file, or what
// kept it from being loaded.
import { createHash } from 'node:crypto'
import { pluginHost } from '../../dist/plugin/host/host.js'

const content = Buffer.from('hello')
const segment = new SharedArrayBuffer(65_536)
Buffer.from(segment).set(content)

const job = {
  path: 'a/hello.txt',
  topic: 't',
  source: { kind: 'memory', pages: [0], size: content.length },
  sha512: createHash('sha512').update(content).digest('hex'),
  mtime: 0,
  deliveryId: 'x',
  attempt: 1,
  final: false,
  diskPath: null,
}

const results = []
const urls = process.argv.slice(2)
for (let i = 0; i < urls.length; i += 4) results.push(...(await Promise.all(urls.slice(i, i + 4).map(tried))))
for (const result of results) console.log(JSON.stringify(result))

async function tried(pluginUrl) {
  const logs = []
  const host = pluginHost({
    pluginUrl,
    pluginName: `./${pluginUrl.split('/').pop()}`,
    threads: 1,
    timeoutMs: undefined,
    segments: () => [segment],
    pageBytes: segment.byteLength,
    produce: async () => {},
    log: entry => logs.push(entry.message),
    onBroken: () => {},
  })
  try {
    const loaded = await host.load()
    await host.start({ options: {}, sections: {}, outputDir: '/', tmpDir: '/', dryRun: false })
    return { loaded, result: await host.run({ kind: 'process', file: job }), logs }
  } catch (error) {
    const { code, message, facts, next } = error
    return { error: { code, message, facts, next } }
  } finally {
    await host.close(100)
  }
}
