/** Where the compiler finds Node's own headers, which the Kafka client is built against. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * The environment for npm: nothing where its configuration has headers, unless they are another Node's; headers beside
 * this Node; nothing where node-gyp can download them; else those in the npm package that carries the same Node, in a
 * cache outside the tree. `say` hears of what is passed over and of what is fetched.
 */
export async function nodeHeaders(say) {
  const given = process.env.npm_config_nodedir
  if (given && isForThisNode(given)) return {}
  if (given) say(`npm's nodedir, ${given}, is another Node's than ${process.versions.node}: not used`)
  const own = dirname(dirname(process.execPath))
  if (headersVersion(own) === process.versions.node) return { npm_config_nodedir: own }
  // What the configuration names can only be replaced, not left out.
  if (!given && (await canBeDownloaded())) return {}
  return fromPackage(say)
}

/** Within a major version headers are alike; those in a source tree stand elsewhere and are taken as they are. */
function isForThisNode(nodedir) {
  const [major] = headersVersion(nodedir)?.split('.') ?? []
  return major === undefined || major === process.versions.node.split('.')[0]
}

function canBeDownloaded() {
  return fetch(process.release.headersUrl, { method: 'HEAD', signal: AbortSignal.timeout(5000) })
    .then(response => response.ok)
    .catch(() => false)
}

function fromPackage(say) {
  const name = `node-${process.platform}-${process.arch}`
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const folder = join(cache, 'dfsp-setup', `node-${process.versions.node}`)
  const nodedir = join(folder, 'node_modules', name)
  if (headersVersion(nodedir) !== process.versions.node) {
    say(`Node's headers: from the npm package ${name}@${process.versions.node}`)
    mkdirSync(folder, { recursive: true })
    const options = ['--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    spawnSync('npm', ['install', ...options, `${name}@${process.versions.node}`], { stdio: ['ignore', 2, 2] })
  }
  return existsSync(nodedir) ? { npm_config_nodedir: nodedir } : {}
}

function headersVersion(prefix) {
  const file = join(prefix, 'include', 'node', 'node_version.h')
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  const part = name => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1]
  return ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.')
}
