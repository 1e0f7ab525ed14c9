/** `dfsp get`: files from a topic into a folder. */

import path from 'node:path'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import { type FileIndex, fileIndex, type IndexedFile } from '../../core/chunks/file-index.ts'
import { isPlain, literal } from '../../core/text/glob.ts'
import { nearest } from '../../core/text/nearest.ts'
import { jsonLine, oneLine, textLines } from '../../core/text/shown-text.ts'
import { makeOutputDir } from '../../files/output-dir.ts'
import { type GotFile, gotJson, gotLine } from '../../report/commands/got-text.ts'
import { stateOf, timeText } from '../../report/commands/listing.ts'
import { RESEND } from '../../report/commands/unfinished-text.ts'
import { formatBytes, formatCount } from '../../report/quantities.ts'
import { exitStatus } from '../../run/outcome.ts'
import { onStopSignal, willWork } from '../../run/shutdown.ts'
import { tellEncryption } from '../checks/encryption-note.ts'
import type { Command, Invocation } from '../command.ts'
import { scanned } from '../scanned.ts'
import { tellLostOutput } from '../terminal/lost-output.ts'
import { slowProgress } from '../terminal/progress.ts'
import { spelled, wantedPaths } from '../wanted-paths.ts'

const EXAMPLE = "dfsp get -t xrd 'a/*.csv' -o out/"

export const command: Command = {
  name: 'get',
  describe:
    "Writes files of a topic into a folder (the current one without -o): of each path the content that was sent last. A file is written under another name, its SHA-512 is checked, then it is renamed and gets its modification time; what was there under its name is replaced. It joins no group and changes nothing on the topic. Quote a GLOB: * stays within a folder, ** does not, a folder's name means all below it, and a name without a slash is looked for in every folder; a backslash takes the next character as it is ('\\[x].csv'). What is incomplete, damaged or not there is told, and the call ends with 3.",
  examples: [
    [EXAMPLE, 'some files'],
    ['dfsp get -t xrd run7/ -o out/', 'a folder'],
    ["dfsp get -t xrd '**' -o out/ --from 2026-11-24", 'all that was sent since'],
  ],
  positionals: [
    { name: 'GLOB', describe: 'paths of files, folders or patterns', required: true, many: true },
  ],
  async run(invocation) {
    const settings = await invocation.settings()
    const { values, kafka } = settings
    const { stdout, positionals } = invocation
    const topic = requireValue(settings, 'topic', EXAMPLE)
    requireBrokers(settings, 'get')
    tellEncryption(settings, invocation)
    const wanted = wantedPaths(positionals.GLOB ?? [])
    const outputDir = path.resolve(invocation.cwd, values.outputDir ?? '.')
    makeOutputDir(outputDir)
    const started = performance.now()
    const isWanted = (name: string) => wanted.some(({ matches }) => matches(name))
    const seen = new Set<string>() // for "did you mean"
    tellLostOutput(invocation)
    willWork() // a reader of the list that goes away leaves no file out without a word
    const index = fileIndex({
      wanted(name) {
        if (seen.size < MOST_SEEN) seen.add(name)
        return isWanted(name)
      },
      places: true,
    })
    const counts = { ok: 0, incomplete: 0, damaged: 0, failed: 0, missing: 0 }
    let bytes = 0
    const tell = (got: GotFile) => {
      counts[got.result]++
      if (got.result === 'ok') bytes += got.bytes
      progress.end()
      stdout.write(`${values.json ? gotJson(got) : gotLine(got)}\n`)
    }
    const progress = slowProgress(invocation, values.quiet)
    let exit = await scanned(invocation, settings, index, true)
    if (exit === 0) {
      const newest = [...index.select({ older: false })]
      for (const { shown, matches } of wanted)
        if (!newest.some(file => matches(file.path))) tell(missing(shown, seen, index))
      const whole = newest.filter(file => stateOf(file) === 'complete')
      const older = whole.length < newest.length ? olderWhole(index) : new Map<string, IndexedFile>()
      for (const file of newest) if (stateOf(file) !== 'complete') tell(unfit(file, older.get(file.path)))
      exit = await fetched(invocation, { topic, properties: kafka.consumer, outputDir }, whole, {
        tell,
        onProgress: read =>
          progress.update(
            () => `writing ${formatCount(whole.length)} files: ${counts.ok} done, ${formatBytes(read)}`,
          ),
      })
      progress.end()
    }
    const { ok, ...bad } = counts
    const wrong = Object.values(bad).reduce((sum, n) => sum + n, 0)
    exit ||= exitStatus({ wrong })
    const seconds = Math.round(performance.now() - started) / 1_000
    if (values.json)
      stdout.write(`${jsonLine({ v: 1, type: 'summary', ...counts, bytes, outputDir, seconds, exit })}\n`)
    else summary(invocation, { ok, wrong, bytes, outputDir, index })
    return exit
  },
}

/** Paths of the topic that are kept for "did you mean". */
const MOST_SEEN = 10_000

interface Source {
  readonly topic: string
  readonly properties: Readonly<Record<string, string>>
  readonly outputDir: string
}

/** 0, or 128 + n after a signal. */
async function fetched(
  { stderr }: Invocation,
  { outputDir, ...source }: Source,
  files: readonly IndexedFile[],
  { tell, onProgress }: { tell(got: GotFile): void; onProgress(bytes: number): void },
): Promise<number> {
  if (files.length === 0) return 0
  const [{ getFiles }, { openRefetcher }, { stoppable }] = await Promise.all([
    import('../../inspect/get.ts'),
    import('../../kafka/refetch/refetch.ts'),
    import('../stoppable.ts'),
  ])
  const stop = stoppable(onStopSignal)
  const refetcher = openRefetcher(source)
  let read = 0
  try {
    await getFiles(outputDir, files, {
      refetcher,
      signal: stop.signal,
      onFile: tell,
      onProgress(bytes) {
        read += bytes
        onProgress(read)
      },
    })
  } catch (error) {
    if (stop.exit === 0) throw error
    stderr.write('interrupted: what was told is there, nothing else was left behind\n')
  } finally {
    stop.end()
    await refetcher.close()
  }
  return stop.exit
}

function missing(shown: string, seen: ReadonlySet<string>, index: FileIndex): GotFile {
  const near = isPlain(shown) ? nearest(shown, seen) : spelled(shown, seen)
  const error =
    near === undefined
      ? `nothing on the topic matches it${unreadable(index)}`
      : isPlain(near)
        ? `did you mean ${near}?`
        : `did you mean the file ${near}? Write '${literal(near)}'`
  return { path: shown, result: 'missing', bytes: 0, error }
}

/** It may be among the records that are no chunk, such as encrypted ones. */
function unreadable({ records, undecodable: { count, first } }: FileIndex): string {
  if (count === 0) return ''
  return `; ${formatCount(count)} of ${formatCount(records)} records cannot be read: ${oneLine(first[0]?.reason ?? '')}`
}

/** By path: the newest whole content that is not the newest of all. */
function olderWhole(index: FileIndex): Map<string, IndexedFile> {
  const found = new Map<string, IndexedFile>()
  for (const file of index.select({ older: true }))
    if (!file.newest && stateOf(file) === 'complete' && !found.has(file.path)) found.set(file.path, file)
  return found
}

/** Older contents are not written in its stead: nobody asked for them. */
function unfit(file: IndexedFile, older: IndexedFile | undefined): GotFile {
  const { path: name, bytes, chunks, present, wrong, sha512, isCut } = file
  const cut = isCut ? `; ${RESEND}` : ''
  const hint = older === undefined ? '' : `; an older content, sent ${timeText(older.lastSent)}, is complete`
  return {
    ...{ path: name, bytes, sha512 },
    result: wrong === undefined ? 'incomplete' : 'damaged',
    error: `${wrong ?? `${present} of ${chunks} chunks are there${cut}`}${hint}`,
  }
}

function summary(
  { stderr }: Invocation,
  {
    ok,
    wrong,
    bytes,
    outputDir,
    index,
  }: Record<'ok' | 'wrong' | 'bytes', number> & {
    outputDir: string
    index: FileIndex
  },
): void {
  const failed = wrong === 0 ? '' : `, ${formatCount(wrong)} could not be had`
  const files = `${formatCount(ok)} ${ok === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}, in ${outputDir}`
  stderr.write(textLines([`${files}${failed} (${formatCount(index.records)} records looked at)`]))
}
