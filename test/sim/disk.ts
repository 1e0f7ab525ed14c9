/** Memory and disk of one host, with an end to each. */
import type { Place, Store, StoredFile } from '../../src/files/store.ts'

const PAGE = 8

export interface Disk {
  /** Bytes that fit on it; less than is used = full. */
  capacity: number
  /** The error code of every write while it is set. */
  broken: string | undefined
  readonly usedBytes: number
  /** Temporary files were removed behind the process's back. */
  hasLostFiles: boolean
  /** Temporary files that are there. */
  readonly files: number
}

export interface SimStore extends Store {
  readonly disk: Disk
  /** Somebody removes all temporary files. */
  loseFiles(): void
  /** Writes and removes a small file. */
  probe(): void
  /** The content of a whole file as a thread finds it; undefined when it is gone. */
  read(source: ReturnType<StoredFile['source']>): Buffer | undefined
  /** A new process begins: memory is empty, and temporary files are removed. */
  clear(): void
}

export function simStore(): SimStore {
  const memory = new Map<number, Buffer>() // page -> content
  const files = new Map<string, Buffer>()
  let names = 0
  let pages = 0
  const disk: Disk = {
    capacity: Number.POSITIVE_INFINITY,
    broken: undefined,
    hasLostFiles: false,
    get usedBytes() {
      let sum = 0
      for (const content of files.values()) sum += content.length
      return sum
    },
    get files() {
      return files.size
    },
  }

  function writeDisk(name: string, isNew: boolean, offset: number, data: Uint8Array): void {
    if (disk.broken !== undefined) throw systemError(disk.broken)
    const old = files.get(name) ?? (isNew ? Buffer.alloc(0) : undefined)
    if (old === undefined) throw systemError('ENOENT')
    const end = Math.max(old.length, offset + data.length)
    if (disk.capacity < Number.POSITIVE_INFINITY && disk.usedBytes + end - old.length > disk.capacity) {
      files.set(name, old) // as after open(2): an empty file can be there
      throw systemError('ENOSPC')
    }
    const content = Buffer.alloc(end)
    old.copy(content)
    content.set(data, offset)
    files.set(name, content)
  }

  function open(first: Place): StoredFile {
    const place: Place = first === 'spool' ? 'disk' : first
    const own = new Map<number, number>() // page of the file -> page of memory
    let name: string | undefined
    const freePages = () => {
      for (const page of own.values()) memory.delete(page)
      own.clear()
    }
    const removeFile = () => {
      if (name !== undefined) files.delete(name)
      name = undefined
    }
    const toDisk = (offset: number, data: Uint8Array) => {
      const isNew = name === undefined
      name ??= `file-${++names}`
      writeDisk(name, isNew, offset, data)
    }
    const stored = {
      place,
      write(offset: number, data: Uint8Array) {
        if (stored.place === 'disk') {
          toDisk(offset, data)
          return
        }
        for (let i = 0; i < data.length; i++) {
          const number = Math.floor((offset + i) / PAGE)
          let page = own.get(number)
          if (page === undefined) {
            page = ++pages
            own.set(number, page)
            memory.set(page, Buffer.alloc(PAGE))
          }
          ;(memory.get(page) as Buffer)[(offset + i) % PAGE] = data[i] as number
        }
      },
      spill() {
        if (stored.place === 'disk') return
        try {
          for (const [number, page] of own) toDisk(number * PAGE, memory.get(page) as Buffer)
        } catch (error) {
          removeFile()
          throw error
        }
        freePages()
        stored.place = 'disk'
      },
      source(size: number): ReturnType<StoredFile['source']> {
        if (stored.place === 'disk') return { kind: 'disk', path: name as string, size }
        const count = Math.ceil(size / PAGE)
        return {
          kind: 'memory',
          pages: Array.from({ length: count }, (_, i) => own.get(i) as number),
          size,
        }
      },
      part() {
        throw new Error('no file here is large enough to be digested ahead')
      },
      release() {
        freePages()
        removeFile()
      },
    }
    return stored
  }

  return {
    disk,
    open,
    loseFiles() {
      files.clear()
      disk.hasLostFiles = true
    },
    probe() {
      try {
        writeDisk('probe', true, 0, Buffer.alloc(1))
      } finally {
        files.delete('probe')
      }
    },
    read(source) {
      if (source.kind === 'disk') return files.get(source.path)?.subarray(0, source.size)
      const found = source.pages.map(page => memory.get(page))
      if (found.includes(undefined)) return undefined
      return Buffer.concat(found as Buffer[]).subarray(0, source.size)
    },
    clear() {
      memory.clear()
      files.clear()
    },
    get memoryBytes() {
      return memory.size * PAGE
    },
  }
}

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: as told`), { code })
}
