/** Chunks, and record values packed by hand: in every encoding that msgpack has, which one encoder never shows. */
import { readFileSync } from 'node:fs'
import type { Chunk } from '../../src/core/chunks/chunk.ts'
import { sha512 } from '../support/files.ts'

const DATA = Buffer.from('12.5,13.0\n')

/** A valid chunk, the only one of its file, with what a test wants to be different. */
export function chunkOf(different: Partial<Chunk> = {}): Chunk {
  const data = different.data ?? DATA
  return {
    kind: 'chunk',
    filename: 'scan.csv',
    fileHash: sha512(data),
    chunkHash: sha512(data),
    offset: 0,
    index: 1,
    total: 1,
    subdir: 'beam/7',
    append: '',
    data,
    mtime: 1_764_000_000.25,
    ...different,
  }
}

/** The ten fields of `chunk`, each packed; `replaced` puts other bytes in the place of some. */
export function packed(chunk: Chunk, replaced: Readonly<Record<number, Uint8Array>> = {}): Buffer {
  const fields = [
    str(Buffer.from(chunk.filename)),
    bin(chunk.fileHash),
    bin(chunk.chunkHash),
    uint(chunk.offset),
    uint(chunk.index),
    uint(chunk.total),
    str(Buffer.from(chunk.subdir)),
    str(Buffer.from(chunk.append)),
    bin(chunk.data),
    float64(chunk.mtime),
  ]
  return Buffer.concat([Buffer.of(0x90 | fields.length), ...fields.map((field, i) => replaced[i] ?? field)])
}

/** Bytes as bin; `width` is that of the length in bytes. */
export function bin(bytes: Uint8Array, width: 1 | 2 | 4 = 4): Buffer {
  return Buffer.concat([headed({ 1: 0xc4, 2: 0xc5, 4: 0xc6 }[width], bytes.length, width), bytes])
}

/** Bytes as str; without `width` as short as can be. */
export function str(bytes: Uint8Array, width?: 1 | 2 | 4): Buffer {
  if (width === undefined && bytes.length < 32) return Buffer.concat([Buffer.of(0xa0 | bytes.length), bytes])
  const w = width ?? 4
  return Buffer.concat([headed({ 1: 0xd9, 2: 0xda, 4: 0xdb }[w], bytes.length, w), bytes])
}

/** The whole number as uint64. */
export function uint(n: number): Buffer {
  return uintOf(n, 8)
}

export function uintOf(n: number, width: 1 | 2 | 4 | 8): Buffer {
  const packed = Buffer.alloc(1 + width)
  packed[0] = { 1: 0xcc, 2: 0xcd, 4: 0xce, 8: 0xcf }[width]
  if (width === 8) packed.writeBigUInt64BE(BigInt(n), 1)
  else packed.writeUIntBE(n, 1, width)
  return packed
}

export function intOf(n: number, width: 1 | 2 | 4 | 8): Buffer {
  const packed = Buffer.alloc(1 + width)
  packed[0] = { 1: 0xd0, 2: 0xd1, 4: 0xd2, 8: 0xd3 }[width]
  if (width === 8) packed.writeBigInt64BE(BigInt(n), 1)
  else packed.writeIntBE(n, 1, width)
  return packed
}

export function float64(n: number): Buffer {
  const packed = Buffer.alloc(9, 0xcb)
  packed.writeDoubleBE(n, 1)
  return packed
}

export function float32(n: number): Buffer {
  const packed = Buffer.alloc(5, 0xca)
  packed.writeFloatBE(n, 1)
  return packed
}

/** A type byte followed by a big-endian number, such as a declared length. */
export function headed(type: number, n: number, width: 1 | 2 | 4): Buffer {
  const head = Buffer.alloc(1 + width)
  head[0] = type
  head.writeUIntBE(n, 1, width)
  return head
}

/** One message of `test/golden/chunks.json`, which the real OpenMSIStream made. */
export interface GoldenChunk {
  readonly key: string
  /** The record's value in base64. */
  readonly value: string
  readonly filename: string
  /** Hexadecimal, as the next one. */
  readonly fileHash: string
  readonly chunkHash: string
  readonly offset: number
  readonly index: number
  readonly total: number
  readonly subdir: string
  readonly append: string
  readonly size: number
  readonly mtime: number
}

export interface GoldenFile {
  readonly name: string
  /** Where OpenMSIStream's own reader puts the file, relative to its root. */
  readonly path: string
  readonly size: number
  readonly sha512: string
  readonly chunks: readonly GoldenChunk[]
}

export const golden: readonly GoldenFile[] = JSON.parse(
  readFileSync(new URL('../golden/chunks.json', import.meta.url), 'utf8'),
).files
