/** What `dfsp get` tells of each file. */
import { oneLine } from './one-line.ts'
import { formatBytes } from './quantities.ts'

export interface GotFile {
  readonly path: string
  readonly result: 'ok' | 'incomplete' | 'damaged' | 'failed' | 'missing'
  readonly bytes: number
  readonly sha512?: string
  readonly error?: string
}

export function gotLine({ path, result, bytes, error }: GotFile): string {
  if (result === 'ok') return `ok    ${oneLine(path)}  ${formatBytes(bytes)}`
  return `FAIL  ${oneLine(path)}  ${result}${error === undefined ? '' : `: ${oneLine(error)}`}`
}

export function gotJson(file: GotFile): string {
  return JSON.stringify({ v: 1, type: 'file', ...file })
}
