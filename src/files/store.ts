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
  const newName = () => path.join(tmpDir, `file-${++names}`)
  return {
    open: place => new PagedFile(arena, handles, newName, place),
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

/** A class: there is one for each open file, and closures would be most of it. */
class PagedFile implements StoredFile {
  place: 'memory' | 'disk'
  readonly #arena: Arena
  readonly #handles: Handles
  readonly #newName: () => string
  /** Page of the file -> page of the arena. */
  readonly #pages = new Map<number, number>()
  #name: string | undefined

  constructor(arena: Arena, handles: Handles, newName: () => string, place: 'memory' | 'disk') {
    this.#arena = arena
    this.#handles = handles
    this.#newName = newName
    this.place = place
  }

  write(offset: number, data: Uint8Array): void {
    if (this.place === 'memory') this.#writeMemory(offset, data)
    else writeAll(this.#handle(), data, offset)
  }

  spill(): void {
    if (this.place === 'disk') return
    // Whole pages: the holes in them are written over by the chunks that are missing.
    try {
      for (const [number, page] of this.#pages)
        writeAll(this.#handle(), this.#arena.page(page), number * PAGE_BYTES)
    } catch (error) {
      this.#removeFile()
      throw error
    }
    this.#freePages()
    this.place = 'disk'
  }

  source(size: number): StoredSource {
    if (this.place === 'disk') {
      const path = this.#name as string
      this.#handles.close(path)
      return { kind: 'disk', path, size }
    }
    const pages: number[] = []
    for (let number = 0; number * PAGE_BYTES < size; number++) pages.push(this.#pages.get(number) as number)
    return { kind: 'memory', pages, size }
  }

  release(): void {
    this.#freePages()
    this.#removeFile()
  }

  #writeMemory(offset: number, data: Uint8Array): void {
    for (let from = 0; from < data.length; ) {
      const number = Math.floor((offset + from) / PAGE_BYTES)
      const at = (offset + from) % PAGE_BYTES
      const to = Math.min(data.length, from + PAGE_BYTES - at)
      let page = this.#pages.get(number)
      if (page === undefined) {
        page = this.#arena.take()
        this.#pages.set(number, page)
      }
      this.#arena.write(page, at, data, from, to)
      from = to
    }
  }

  #handle(): number {
    if (this.#name !== undefined) return this.#handles.get(this.#name, false)
    const name = this.#newName()
    const fd = this.#handles.get(name, true)
    this.#name = name
    return fd
  }

  #removeFile(): void {
    if (this.#name === undefined) return
    this.#handles.close(this.#name)
    fs.rmSync(this.#name, { force: true })
    this.#name = undefined
  }

  #freePages(): void {
    for (const page of this.#pages.values()) this.#arena.give(page)
    this.#pages.clear()
  }
}

function writeAll(fd: number, data: Uint8Array, position: number): void {
  faultPoint('disk-write')
  for (let at = 0; at < data.length; ) at += fs.writeSync(fd, data, at, data.length - at, position + at)
}
