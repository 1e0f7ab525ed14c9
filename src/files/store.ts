/**
 * The bytes of open files: in pages of the arena or of the spool, or in a temporary file of their own, for those that
 * are to stand on disk and for large ones. A file in memory can be moved to the spool at any time; a chunk is written
 * at its offset and nothing else is copied until the file is whole.
 *
 * files/ is everything that dfsp keeps on disk or in shared memory. It knows nothing of Kafka, plugins and commands.
 */

import fs from 'node:fs'
import { faultPoint } from '../base/fault-point.ts'
import { named, type OwnFolder } from '../base/held-folder.ts'
import { PAGE_BYTES } from '../core/page-bytes.ts'
import type { Source } from '../core/source.ts'
import type { Arena } from './arena.ts'
import { PageTable } from './page-table.ts'
import { spool as openSpool, type Spool } from './spool.ts'

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = fs.constants

export type Place = 'memory' | 'spool' | 'disk'

export interface StoredFile {
  readonly place: Place
  /** Writes a chunk; system errors such as ENOSPC are thrown. */
  write(offset: number, data: Uint8Array): void
  /** Moves the bytes from memory to the spool; when the system's error is thrown they are in memory still. */
  spill(): void
  /** The whole file of `size` bytes. Nothing is written afterwards. */
  source(size: number): Source
  /** Bytes `from` to `to`, all of which were written; `from` begins a page. More is written meanwhile, behind them. */
  part(from: number, to: number): Source
  /** Frees memory and temporary file; harmless when repeated. */
  release(): void
}

export interface Store {
  /** Makes room for a file's bytes. */
  open(place: Place): StoredFile
  readonly memoryBytes: number
  /** Writes and removes a small file; throws the system's error where the disk takes none. */
  probe(): void
}

const PROBE_BYTES = 64 * 1024

/** `tmp` holds the temporary files. */
export function store(arena: Arena, tmp: OwnFolder): Store {
  let names = 0
  const deps: FileDeps = {
    arena,
    spool: openSpool(() => tmp.at('spool')),
    handles: openHandles(MOST_OPEN, tmp.path),
    newName: () => tmp.at(`file-${++names}`),
  }
  return {
    open: place => new PagedFile(deps, place),
    get memoryBytes() {
      return arena.usedBytes
    },
    probe() {
      tmp.renew()
      const name = tmp.at(`probe-${++names}`)
      try {
        fs.writeFileSync(name, Buffer.alloc(PROBE_BYTES), { flag: 'wx' })
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

function openHandles(most: number, folder: string): Handles {
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
      try {
        const fd = fs.openSync(name, O_RDWR | O_NOFOLLOW | (isNew ? O_CREAT | O_EXCL : 0), 0o600)
        open.set(name, fd)
        return fd
      } catch (error) {
        throw named(error, folder)
      }
    },
    close,
  }
}

interface FileDeps {
  readonly arena: Arena
  readonly spool: Spool
  readonly handles: Handles
  readonly newName: () => string
}

/** A class: there is one for each open file, and closures would be most of it. */
class PagedFile implements StoredFile {
  place: Place
  readonly #deps: FileDeps
  #pages = new PageTable()
  #name: string | undefined

  constructor(deps: FileDeps, place: Place) {
    this.#deps = deps
    this.place = place
  }

  write(offset: number, data: Uint8Array): void {
    if (this.place === 'disk') return writeAll(this.#handle(), data, offset)
    const pager = this.#pager()
    for (let from = 0; from < data.length; ) {
      const number = Math.floor((offset + from) / PAGE_BYTES)
      const at = (offset + from) % PAGE_BYTES
      const to = Math.min(data.length, from + PAGE_BYTES - at)
      let page = this.#pages.get(number)
      const isNew = page === undefined
      if (page === undefined) {
        page = pager.take()
        this.#pages.add(number, page)
      }
      try {
        pager.write(page, at, data, from, to)
      } catch (error) {
        // On a full disk another page may be had that has its place there already.
        if (isNew) {
          this.#pages.delete(number)
          pager.give(page)
        }
        throw error
      }
      from = to
    }
  }

  spill(): void {
    if (this.place !== 'memory') return
    const { arena, spool } = this.#deps
    const moved = new PageTable()
    // Whole pages: the holes in them are written over by the chunks that are missing.
    try {
      this.#pages.each((page, number) => {
        const to = spool.take()
        moved.add(number, to)
        spool.write(to, 0, arena.page(page), 0, PAGE_BYTES)
      })
    } catch (error) {
      moved.each(page => spool.give(page))
      throw error
    }
    this.#freePages()
    this.#pages = moved
    this.place = 'spool'
  }

  source(size: number): Source {
    if (this.place === 'disk') {
      const path = this.#name as string
      this.#deps.handles.close(path)
      return { kind: 'disk', path, size }
    }
    return this.#paged(0, size)
  }

  part(from: number, to: number): Source {
    if (this.place === 'disk') return { kind: 'disk', path: this.#name as string, size: to - from }
    return this.#paged(from / PAGE_BYTES, to - from)
  }

  #paged(first: number, size: number): Source {
    const pages: number[] = []
    for (let at = 0; at * PAGE_BYTES < size; at++) pages.push(this.#pages.get(first + at) as number)
    return this.place === 'memory'
      ? { kind: 'memory', pages, size }
      : { kind: 'spool', fd: this.#deps.spool.fd, pages, size }
  }

  release(): void {
    this.#freePages()
    if (this.#name === undefined) return
    this.#deps.handles.close(this.#name)
    removeFile(this.#name)
    this.#name = undefined
  }

  #pager(): Pick<Arena, 'take' | 'give' | 'write'> {
    return this.place === 'memory' ? this.#deps.arena : this.#deps.spool
  }

  #handle(): number {
    if (this.#name !== undefined) return this.#deps.handles.get(this.#name, false)
    const name = this.#deps.newName()
    const fd = this.#deps.handles.get(name, true)
    this.#name = name
    return fd
  }

  #freePages(): void {
    const pager = this.#pager()
    this.#pages.each(page => pager.give(page))
    this.#pages.clear()
  }
}

/** It may be in its place by now, or removed with its folder. */
function removeFile(name: string): void {
  try {
    fs.unlinkSync(name)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
  }
}

function writeAll(fd: number, data: Uint8Array, position: number): void {
  faultPoint('disk-write')
  for (let at = 0; at < data.length; ) at += fs.writeSync(fd, data, at, data.length - at, position + at)
}
