/**
 * OpenMSIStream's two tables in the LOGS folder: what is in progress or failed, and what was processed. For people and
 * their scripts; dfsp itself never reads them, and a run goes on where they cannot be written.
 *
 * As theirs, neither ends with a line end. The table of what was processed only grows; the other one is written anew
 * where it changed, at most every five seconds.
 */
import { type FileHandle, rename, rm, writeFile } from 'node:fs/promises'
import { named, type OwnFolder } from '../../base/held-folder.ts'
import type { FileView, RunView } from '../monitor/run-view.ts'
import type { Onlooker } from '../onlooker.ts'
import { csvField, pythonRepr, registryTime } from './python-text.ts'

export interface RegistryOptions {
  /** The LOGS folder. */
  readonly folder: OwnFolder
  readonly topic: string
  readonly group: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told once, until a write succeeds again. */
  onProblem(text: string): void
}

type Status = 'in_progress' | 'failed' | 'mismatched_hash'

interface Failed {
  readonly status: Status
  readonly at: number
  /** The row of a file that is not open any more. */
  readonly row: string | undefined
}

const IN_PROGRESS = 'filename;rel_filepath;status;n_chunks;first_message;most_recent_message'
const PROCESSED = 'filename;rel_filepath;n_chunks;first_message;processed_at'
const APPEND_MS = 1_000
const REWRITE_EVERY = 5
const SLICE = 500
/** Files that are open or failed, and rows that could not be written, of which there may be any number. */
const MOST = 10_000
/** Of the table of what is in progress, which is written again and again. */
const MOST_CHARS = 4 * 1024 * 1024

export function openRegistry(options: RegistryOptions): Onlooker {
  const { now, folder } = options
  const topic = options.topic.replaceAll('/', '_')
  const group = options.group.replaceAll('/', '_')
  const processed = `processed_from_${topic}_by_${group}.csv`
  const inProgress = `consuming_from_${topic}_in_progress_by_${group}.csv`
  const rows: string[] = []
  const failed = new Map<string, Failed>()
  let view: RunView | undefined
  let written: string | undefined
  let isWell = true
  let work: Promise<void> = Promise.resolve()
  let turns = 0

  async function append(): Promise<void> {
    const table = await folder.openToAppend(processed)
    try {
      const there = await lastCharacter(table)
      const count = rows.length
      if (there !== undefined && count === 0) return
      const text = [...(there === undefined ? [PROCESSED] : []), ...rows].join('\n')
      await table.appendFile(there === undefined || there === '\n' ? text : `\n${text}`)
      rows.splice(0, count)
    } finally {
      await table.close()
    }
  }

  async function rewrite(): Promise<void> {
    const text = [IN_PROGRESS, ...(await inProgressRows())].join('\n')
    if (text === written) return
    const temporary = folder.at(`${inProgress}.${process.pid}.tmp`)
    await rm(temporary, { force: true })
    await writeFile(temporary, text, { flag: 'wx' })
    await rename(temporary, folder.at(inProgress))
    written = text
  }

  async function inProgressRows(): Promise<string[]> {
    const time = now()
    const open: string[] = []
    let chars = 0
    for (const file of view?.files() ?? []) {
      if (open.length === MOST || chars > MOST_CHARS) break
      const { status = 'in_progress', at = time - file.idleMs } = failed.get(file.path) ?? {}
      const row = inProgressRow(file, status, time - file.openMs, at)
      open.push(row)
      chars += row.length
      // Ten thousand files must not hold up the run.
      if (open.length % SLICE === 0) await new Promise(resolve => setImmediate(resolve))
    }
    return [...open, ...[...failed.values()].flatMap(({ row }) => row ?? [])]
  }

  function inProgressRow(
    file: Pick<FileView, 'path' | 'total'>,
    status: Status,
    first: number,
    recent: number,
  ): string {
    return row(file.path, pythonRepr(status), String(file.total), time(first), time(recent))
  }

  function flush(all: boolean): void {
    work = work.then(async () => {
      try {
        await folder.renewed()
        await append()
        if (all) await rewrite()
        isWell = true
      } catch (error) {
        if (isWell)
          options.onProblem(`the registries cannot be written: ${named(error as Error, folder.path).message}`)
        isWell = false
        rows.splice(0, rows.length - MOST)
      }
    })
  }

  const timer = setInterval(() => flush(++turns % REWRITE_EVERY === 0), APPEND_MS)
  timer.unref()

  return {
    report(event) {
      if (event.type !== 'file' || event.arrival === undefined) return
      const { chunks, openMs } = event.arrival
      const at = now()
      if (event.result === 'ok') {
        failed.delete(event.path)
        rows.push(row(event.path, String(chunks), time(at - openMs), time(at)))
        return
      }
      if (event.result !== 'failed' && event.result !== 'mismatch') return
      const status = event.result === 'failed' ? 'failed' : 'mismatched_hash'
      const file = { path: event.path, total: chunks }
      const isOpen = event.setAside === 'held'
      failed.set(event.path, {
        status,
        at,
        row: isOpen ? undefined : inProgressRow(file, status, at - openMs, at),
      })
      for (const first of failed.keys()) {
        if (failed.size <= MOST) break
        failed.delete(first)
      }
    },
    attach(given) {
      view = given
    },
    async close() {
      clearInterval(timer)
      flush(true)
      await work
    },
  }
}

function row(file: string, ...rest: readonly string[]): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  return [csvField(pythonRepr(name)), csvField(pythonRepr(file)), ...rest].join(';')
}

const time = (ms: number) => `'${registryTime(ms)}'`

/** The last character of a file; undefined where it is empty. */
async function lastCharacter(file: FileHandle): Promise<string | undefined> {
  const { size } = await file.stat()
  if (size === 0) return undefined
  return (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString('latin1')
}
