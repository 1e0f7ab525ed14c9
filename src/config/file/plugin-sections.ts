/** Which sections of the config file a plugin may read: its own, not those that hold how dfsp logs in. */
import { nearest } from '../../core/text/nearest.ts'
import type { PropertyMap, Settings } from '../settings-type.ts'

/** Also with an addition or a slip in the name: [broker-lab2], [producr]. */
const CLIENTS = ['broker', 'consumer', 'producer', 'kafkacrypto']
/** Those, and what dfsp reads itself: it may name where logs and heartbeats go, and as whom. */
const OTHERS = ['admin', 'heartbeat', 'log', 'dfsp']

/** Variables resolved. */
export function pluginSections({ sections }: Settings): Readonly<Record<string, PropertyMap>> {
  return Object.fromEntries(Object.entries(sections).filter(([name]) => isPlugins(name)))
}

function isPlugins(section: string): boolean {
  const plain = section.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  if (OTHERS.includes(plain) || CLIENTS.some(name => plain.startsWith(name))) return false
  return nearest(plain, CLIENTS) === undefined
}
