/** Metrics as a file for node_exporter's textfile collector: whole or not there. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { refuseOtherThanFile } from '../../base/entry-kind.ts'
import { DfspError } from '../../base/errors.ts'

export interface MetricsFile {
  /** Throws an Error of the file system. */
  write(text: string): void
  /** Seconds since the epoch, as an earlier run noted it: a run that fails must not take it away. */
  readonly lastSuccess: number | undefined
}

/** Throws E_OUTPUT where it cannot be written, before the run begins. */
export function openMetricsFile(file: string): MetricsFile {
  if (path.extname(file) !== '.prom')
    throw new DfspError('E_USAGE', `--metrics-file: "${file}" does not end in .prom`, {
      facts: ["node_exporter's textfile collector reads no other files"],
      next: `--metrics-file ${file.replace(/\.[^./]*$/, '')}.prom`,
    })
  // Beside it, so that the rename is one of names; not *.prom, so that no collector reads half of it.
  const temporary = `${file}.${process.pid}.tmp`
  try {
    mkdirSync(path.dirname(file), { recursive: true })
    refuseOtherThanFile(file)
    writeNew(temporary, '')
    rmSync(temporary)
  } catch (cause) {
    throw new DfspError('E_OUTPUT', `--metrics-file: ${(cause as Error).message}`, { cause })
  }
  return {
    write(text) {
      try {
        writeNew(temporary, text)
        refuseOtherThanFile(file) // the rename would take it away
        renameSync(temporary, file)
      } catch (error) {
        rmSync(temporary, { force: true })
        throw error
      }
    },
    lastSuccess: lastSuccessIn(file),
  }
}

/** Instead of what stands there: a link is not followed. */
function writeNew(file: string, text: string): void {
  rmSync(file, { force: true })
  writeFileSync(file, text, { flag: 'wx' })
}

function lastSuccessIn(file: string): number | undefined {
  try {
    const found = /^dfsp_last_success_timestamp_seconds\{.*\} (\S+)$/m.exec(readFileSync(file, 'utf8'))
    const seconds = Number(found?.[1])
    return Number.isFinite(seconds) ? seconds : undefined
  } catch {
    return undefined // the first run
  }
}
