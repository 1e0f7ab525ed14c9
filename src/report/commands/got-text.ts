/** What `dfsp get` tells of each file. */
import { jsonLine, oneLine } from '../../core/text/shown-text.ts'
import { formatBytes } from '../quantities.ts'

export interface GotFile {
  readonly path: string
  readonly result: 'ok' | 'incomplete' | 'damaged' | 'failed' | 'missing'
  readonly bytes: number
  readonly sha512?: string
  readonly error?: string
}

export function gotLine({ path, result, bytes, error }: GotFile): string {
  if (result === 'ok') return oneLine(`ok    ${path}  ${formatBytes(bytes)}`)
  return oneLine(`FAIL  ${path}  ${result}${error === undefined ? '' : `: ${error}`}`)
}

export function gotJson(file: GotFile): string {
  return jsonLine({ v: 1, type: 'file', ...file })
}
