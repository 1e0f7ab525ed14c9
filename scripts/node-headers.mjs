/** Where the compiler finds Node's own headers, which the Kafka client is built against. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * The environment for npm: headers beside this Node; else nothing where node-gyp can download them; else those in
 * the npm package that carries the same Node, in a cache outside the tree. `say` hears of that.
 */
export async function nodeHeaders(say) {
  if (process.env.npm_config_nodedir) return {}
  const own = dirname(dirname(process.execPath))
  if (headersVersion(own) === process.versions.node) return { npm_config_nodedir: own }
  const reachable = await fetch(process.release.headersUrl, {
    method: 'HEAD',
    signal: AbortSignal.timeout(5000),
  })
    .then(response => response.ok)
    .catch(() => false)
  if (reachable) return {}

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
