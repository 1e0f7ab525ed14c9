/**
 * The bytes of open files: in pages of the arena, or in a temporary file. A file in memory can be moved to disk at
 * any time; either way a chunk is written at its offset and nothing is copied again until the file is whole.
 */
import fs from 'node:fs'
import path from 'node:path'
import { faultPoint } from '../fault-point.ts'
import { type Arena, PAGE_BYTES } from './arena.ts'

/** Where a whole file's bytes lie, as the plugin threads take it. */
export type StoredSource =
  | { readonly kind: 'memory'; readonly pages: readonly number[]; readonly size: number }
  | { readonly kind: 'disk'; readonly path: string; readonly size: number }

export interface StoredFile {
  readonly place: 'memory' | 'disk'
  /** Writes a chunk; system errors such as ENOSPC are thrown. */
  write(offset: number, data: Uint8Array): void
  /** Moves the bytes to disk; when the system's error is thrown they are in memory still. */
  spill(): void
  /** The whole file of `size` bytes. Nothing is written afterwards until `reopen`. */
  source(size: number): StoredSource
  /** Frees memory and temporary file; harmless when repeated. */
  release(): void
}

export interface Store {
  /** Makes room for a file's bytes; `disk` from the start where it is asked for. */
  open(place: 'memory' | 'disk'): StoredFile
  readonly memoryBytes: number
  /** Writes and removes a small file; throws the system's error where the disk takes none. */
  probe(): void
}

const PROBE_BYTES = 64 * 1024

/** `tmpDir` holds the temporary files; it exists. */
export function store(arena: Arena, tmpDir: string): Store {
  let names = 0
  const handles = openHandles(MOST_OPEN)
  return {
    open: place => storedFile(arena, handles, () => path.join(tmpDir, `file-${++names}`), place),
    get memoryBytes() {
      return arena.usedBytes
    },
    probe() {
      fs.mkdirSync(tmpDir, { recursive: true })
      const name = path.join(tmpDir, 'probe')
      try {
        fs.writeFileSync(name, Buffer.alloc(PROBE_BYTES))
      } finally {
        fs.rmSync(name, { force: true })
      }
    },
  }
}

/** Thousands of files may be assembling at once, a process may open about a thousand: the longest open ones close. */
const MOST_OPEN = 128

interface Handles {
  /** `isNew`: it is made. Otherwise its absence is an error: an empty one in its place would have lost what was written. */
  get(name: string, isNew: boolean): number
  close(name: string): void
}

function openHandles(most: number): Handles {
  const open = new Map<string, number>()
  const close = (name: string) => {
    const fd = open.get(name)
    if (fd !== undefined) fs.closeSync(fd)
    open.delete(name)
  }
  return {
    get(name, isNew) {
      const known = open.get(name)
      if (known !== undefined) return known
      if (open.size >= most) close(open.keys().next().value as string)
      // Neither append nor truncate: chunks come in any order, and a closed file is opened again.
      const fd = fs.openSync(name, fs.constants.O_RDWR | (isNew ? fs.constants.O_CREAT : 0), 0o600)
      open.set(name, fd)
      return fd
    },
    close,
  }
}

function storedFile(
  arena: Arena,
  handles: Handles,
  newName: () => string,
  place: 'memory' | 'disk',
): StoredFile {
  let pages = new Map<number, number>() // page of the file -> page of the arena
  let name: string | undefined
  const handle = () => {
    if (name !== undefined) return handles.get(name, false)
    const fresh = newName()
    const fd = handles.get(fresh, true)
    name = fresh
    return fd
  }
  const removeFile = () => {
    if (name === undefined) return
    handles.close(name)
    fs.rmSync(name, { force: true })
    name = undefined
  }
  const freePages = () => {
    for (const page of pages.values()) arena.give(page)
    pages = new Map()
  }
  const writeMemory = (offset: number, data: Uint8Array) => {
    for (let from = 0; from < data.length; ) {
      const number = Math.floor((offset + from) / PAGE_BYTES)
      const at = (offset + from) % PAGE_BYTES
      const to = Math.min(data.length, from + PAGE_BYTES - at)
      let page = pages.get(number)
      if (page === undefined) {
        page = arena.take()
        pages.set(number, page)
      }
      arena.write(page, at, data, from, to)
      from = to
    }
  }
  const stored = {
    place,
    write(offset: number, data: Uint8Array) {
      if (stored.place === 'memory') writeMemory(offset, data)
      else writeAll(handle(), data, offset)
    },
    spill() {
      if (stored.place === 'disk') return
      // Whole pages: the holes in them are written over by the chunks that are missing.
      try {
        for (const [number, page] of pages) writeAll(handle(), arena.page(page), number * PAGE_BYTES)
      } catch (error) {
        removeFile()
        throw error
      }
      freePages()
      stored.place = 'disk'
    },
    source(size: number): StoredSource {
      if (stored.place === 'disk') {
        handles.close(name as string)
        return { kind: 'disk', path: name as string, size }
      }
      const order = Array.from(
        { length: Math.ceil(size / PAGE_BYTES) },
        (_, number) => pages.get(number) as number,
      )
      return { kind: 'memory', pages: order, size }
    },
    release() {
      freePages()
      removeFile()
    },
  }
  return stored
}

function writeAll(fd: number, data: Uint8Array, position: number): void {
  faultPoint('disk-write')
  for (let at = 0; at < data.length; ) at += fs.writeSync(fd, data, at, data.length - at, position + at)
}
