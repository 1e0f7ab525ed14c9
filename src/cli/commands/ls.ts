/** `dfsp ls`: what is on a topic. */

import { DfspError } from '../../base/errors.ts'
import { requireBrokers, requireValue } from '../../config/options/required.ts'
import { type FileIndex, fileIndex, type IndexedFile } from '../../core/chunks/file-index.ts'
import { jsonLine, textLines } from '../../core/text/shown-text.ts'
import { listingJson, listingLines } from '../../report/commands/listing.ts'
import { formatCount } from '../../report/quantities.ts'
import { tellEncryption } from '../checks/encryption-note.ts'
import type { Command, Invocation } from '../command.ts'
import { scanned } from '../scanned.ts'
import { wantedPaths } from '../wanted-paths.ts'

const EXAMPLE = 'dfsp ls -t xrd'

export const command: Command = {
  name: 'ls',
  describe:
    "Lists the files on a topic: path, size, chunks that are there, when it was sent last, and whether it is whole. It joins no group and changes nothing. The records are read, but no content is kept or verified (dfsp get does that): it takes as long as reading the topic does, and up to 1,000 bytes of memory a file (with --limit N of N + 10,000 files at least, of twice as many at most); --from shortens it. With --limit the topic is read a second time where one of the N files may have earlier records that were not kept. Without a GLOB all files; quote it, as the shell would expand it: * stays within a folder, ** does not, a folder's name means all below it, and a name without a slash is looked for in every folder.",
  examples: [
    [EXAMPLE, 'all files, the newest content of each path'],
    [`${EXAMPLE} 'run7/*.csv' --long`, 'with SHA-512 and where the records lie'],
    [`${EXAMPLE} --from 2026-11-24T15:00Z`, 'what was sent since'],
    [`${EXAMPLE} --limit 20`, 'the twenty that were sent last'],
    [`${EXAMPLE} --raw 1:88123`, 'one record: what is it, and why is it no chunk?'],
  ],
  positionals: [{ name: 'GLOB', describe: 'only these paths', many: true }],
  async run(invocation) {
    const settings = await invocation.settings()
    const { values } = settings
    const { stdout, stderr, positionals } = invocation
    const topic = requireValue(settings, 'topic', EXAMPLE)
    requireBrokers(settings, 'ls')
    tellEncryption(settings, invocation)
    if (values.raw !== undefined) {
      const place = { topic, ...placeOf(values.raw) }
      const [{ readRecord }, { rawRecordJson, rawRecordText }] = await Promise.all([
        import('../../inspect/raw-record.ts'),
        import('../../report/commands/raw-record-text.ts'),
      ])
      const record = await readRecord(place, settings.kafka.consumer)
      stdout.write(textLines(values.json ? [rawRecordJson(record)] : rawRecordText(record)))
      return 0
    }
    const wanted = wantedPaths(positionals.GLOB ?? [])
    const places = values.long || values.json
    const chosen = { older: values.allGenerations, limit: values.limit }
    const index = fileIndex({
      ...{ wanted: path => wanted.some(({ matches }) => matches(path)), places },
      limit: values.limit,
    })
    const started = performance.now()
    let exit = await scanned(invocation, settings, index)
    let shown = index.select(chosen)
    if (exit === 0 && index.mayLack(shown)) {
      const paths = new Set(Array.from(shown, ({ path }) => path))
      const whole = fileIndex({ wanted: path => paths.has(path), places })
      exit = await scanned(invocation, settings, whole)
      shown = whole.select(chosen)
    }
    await print(listing(shown, values), invocation)
    if (values.json) {
      stdout.write(`${jsonLine(summary(index, shown.length, started, exit))}\n`)
      return exit
    }
    if (shown.length === 0 && exit === 0)
      stderr.write(`no file among ${formatCount(index.records)} records of ${topic}\n`)
    tellUndecodable(index, topic, invocation)
    return exit
  },
}

function placeOf(text: string): { partition: number; offset: number } {
  const [, partition, offset] = /^(\d{1,9}):(\d{1,15})$/.exec(text) ?? []
  if (offset !== undefined) return { partition: Number(partition), offset: Number(offset) }
  throw new DfspError('E_USAGE', `--raw: "${text}" is not PARTITION:OFFSET`, {
    next: `${EXAMPLE} --raw 1:88123`,
  })
}

function* listing(files: Iterable<IndexedFile>, { json, long }: { json: boolean; long: boolean }) {
  if (json) for (const file of files) yield listingJson(file)
  else yield* listingLines(files, long)
}

const LINES_AT_ONCE = 1_000

async function print(lines: Iterable<string>, { stdout }: Invocation): Promise<void> {
  let block: string[] = []
  const flush = () => new Promise<void>(resolve => stdout.write(block.join(''), () => resolve()))
  for (const line of lines) {
    if (block.push(`${line}\n`) < LINES_AT_ONCE) continue
    await flush()
    block = []
  }
  if (block.length > 0) await flush()
}

function summary(index: FileIndex, files: number, started: number, exit: number): object {
  const { records, recordBytes, empty, undecodable } = index
  return {
    ...{ v: 1, type: 'summary', files, records, bytes: recordBytes, empty },
    undecodable: undecodable.count,
    firstUndecodable: undecodable.first,
    seconds: Math.round(performance.now() - started) / 1_000,
    exit,
  }
}

function tellUndecodable({ undecodable, records }: FileIndex, topic: string, { stderr }: Invocation): void {
  const { count, first } = undecodable
  const [one] = first
  if (one === undefined) return
  const { partition, offset, reason } = one
  stderr.write(
    textLines([
      `${formatCount(count)} of ${formatCount(records)} records ${count === 1 ? 'is' : 'are'} no chunk, the first ${topic}[${partition}]@${offset}: ${reason}`,
      `Look: dfsp ls -t ${topic} --raw ${partition}:${offset}`,
    ]),
  )
}
