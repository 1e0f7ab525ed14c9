/** The files of a history and the records that carry them. */
import { hash } from 'node:crypto'
import { encoded, onlyChunk } from '../support/files.ts'
import type { Kind } from './kinds.ts'
import type { Dice } from './seed.ts'

/** What a file is like, whatever happens to it:
 * - `good`: all its chunks are sent;
 * - `incomplete`: at least one never is;
 * - `impossible`: its chunks do not make the file that they announce.
 */
export type Nature = 'good' | 'incomplete' | 'impossible'

export interface SimFile {
  readonly index: number
  readonly path: string
  readonly content: Buffer
  readonly sha512: Buffer
  readonly total: number
  readonly nature: Nature
  /** No --files pattern matches it. */
  readonly filtered: boolean
  /** How many calls of the plugin fail before one succeeds. */
  readonly failures: number
  /** Number of the content among those of its path, from 0. */
  readonly generation: number
}

/** What a record is: a chunk of a file (index from 0), or of no file. */
export type What =
  | { readonly kind: 'chunk'; readonly file: number; readonly chunk: number; readonly good: boolean }
  | { readonly kind: 'junk' }
  | { readonly kind: 'tombstone' }
  /** No record: the offset was used by something that is never delivered. */
  | { readonly kind: 'gap' }

/** A record to be appended. */
export interface Sending {
  /** Milliseconds after the beginning; at or before 0 it is there from the start. */
  readonly at: number
  readonly partition: number
  readonly value: Buffer | null
  readonly what: What
}

export interface Scope {
  readonly partitions: number
  readonly mostFiles: number
  /** Milliseconds in which records are sent. */
  readonly span: number
}

/** More calls than any history makes. */
export const ALWAYS = 10_000

export function drawFiles(
  dice: Dice,
  on: ReadonlySet<Kind>,
  scope: Scope,
): { readonly files: readonly SimFile[]; readonly sendings: readonly Sending[] } {
  const files: SimFile[] = []
  const sendings: Sending[] = []
  const generations = new Map<string, number>()
  const byPath = dice.chance(0.2) // a producer that keys by path
  const count = dice.between(1, scope.mostFiles)

  for (let index = 0; index < count; index++) {
    // Each from dice of its own: with fewer files the others stay as they are.
    const own = dice.fork(`file ${index}`)
    const isRepeatedPath = on.has('generations') && index > 0 && own.chance(0.4)
    const like = isRepeatedPath ? (files[own.below(index)] as SimFile) : undefined
    const filtered = like?.filtered ?? (on.has('filtered') && own.chance(0.2))
    const path = like?.path ?? `${filtered ? 'x' : 'd'}/f${index}`
    const generation = generations.get(path) ?? 0
    generations.set(path, generation + 1)
    const file = drawFile(own, on, { index, path, filtered, generation })
    files.push(file.file)
    sendFile(own, on, scope, file, byPath ? own.below(scope.partitions) : undefined, sendings)
  }
  for (let i = 0; i < count; i++) {
    if (on.has('junk') && dice.chance(0.3)) other(dice, scope, Buffer.from('no chunk'), { kind: 'junk' })
    if (on.has('tombstones') && dice.chance(0.3)) other(dice, scope, null, { kind: 'tombstone' })
    if (on.has('gaps') && dice.chance(0.5)) other(dice, scope, null, { kind: 'gap' })
  }
  function other(from: Dice, { partitions, span }: Scope, value: Buffer | null, what: What): void {
    const at = on.has('late') ? from.between(0, span) : 0
    sendings.push({ at, partition: from.below(partitions), value, what })
  }
  // In order of time; those from the start in any order.
  dice.fork('order').shuffle(sendings)
  sendings.sort((a, b) => Math.max(0, a.at) - Math.max(0, b.at))
  return { files, sendings }
}

interface Drawn {
  readonly file: SimFile
  readonly chunkSize: number
}

function drawFile(
  dice: Dice,
  on: ReadonlySet<Kind>,
  given: Pick<SimFile, 'index' | 'path' | 'filtered' | 'generation'>,
): Drawn {
  const total = dice.between(1, 6)
  const chunkSize = dice.between(1, 8)
  const isEmpty = total === 1 && given.generation === 0 && dice.chance(0.1)
  const size = isEmpty ? 0 : (total - 1) * chunkSize + dice.between(1, chunkSize)
  // The index in the first byte: no two contents are equal, except empty ones.
  const content = Buffer.alloc(size, `${String.fromCharCode(65 + given.index)}${dice.below(1000)}`, 'latin1')
  let nature: Nature = 'good'
  if (on.has('incomplete') && total > 1 && dice.chance(0.25)) nature = 'incomplete'
  else if (on.has('impossible') && size > 0 && dice.chance(0.25)) nature = 'impossible'
  let failures = 0
  if (on.has('poison') && dice.chance(0.2)) failures = ALWAYS
  else if (on.has('flaky') && dice.chance(0.4)) failures = dice.between(1, 3)
  const sha512 = nature === 'impossible' ? sha(Buffer.from(`other ${given.index}`)) : sha(content)
  return { file: { ...given, content, sha512, total, nature, failures }, chunkSize }
}

function sendFile(
  dice: Dice,
  on: ReadonlySet<Kind>,
  { partitions, span }: Scope,
  { file, chunkSize }: Drawn,
  onlyPartition: number | undefined,
  sendings: Sending[],
): void {
  const overlapping = file.nature === 'impossible' && file.total > 1 && dice.chance(0.5)
  const valueOfChunk = (chunk: number, good: boolean): Buffer => {
    const from = chunk * chunkSize
    const data = file.content.subarray(from, from + chunkSize)
    const damaged = Buffer.from(data)
    if (!good) damaged[0] = (damaged[0] as number) ^ 0x20
    const right = onlyChunk(file.path, {
      fileHash: file.sha512,
      offset: overlapping && chunk > 0 ? from - 1 : from,
      index: chunk + 1,
      total: file.total,
      data,
    })
    return encoded({ ...right, data: damaged })
  }
  const spread = dice.pick([1, span / 20, span / 3])
  const begin = on.has('late') ? dice.between(-span / 4, span) : 0
  const send = (chunk: number, good: boolean, at: number) => {
    sendings.push({
      at: on.has('late') ? Math.min(span, Math.round(at)) : 0,
      partition: onlyPartition ?? dice.below(partitions),
      value: valueOfChunk(chunk, good),
      what: { kind: 'chunk', file: file.index, chunk, good },
    })
  }
  const sendAll = (from: number) => {
    const missing = file.nature === 'incomplete' ? dice.below(file.total) : -1
    for (let chunk = 0; chunk < file.total; chunk++) {
      const at = from + dice.below(Math.max(1, Math.round(spread)))
      const hasDamage = on.has('damage') && file.content.length > 0 && dice.chance(0.15)
      if (hasDamage) send(chunk, false, at)
      if (chunk === missing) continue
      // A damaged chunk may stay without a good copy.
      if (!hasDamage || dice.chance(0.8)) send(chunk, true, at + (hasDamage ? dice.delay(1, span) : 0))
      if (on.has('duplicates') && dice.chance(0.2)) send(chunk, true, at + dice.delay(1, span))
    }
  }
  sendAll(begin)
  if (on.has('repeats') && dice.chance(0.4)) sendAll(begin + dice.delay(1, span))
}

export function sha(data: Uint8Array): Buffer {
  return hash('sha512', data, 'buffer')
}

export function digest128(text: string): string {
  return hash('md5', text, 'buffer').toString('latin1')
}
