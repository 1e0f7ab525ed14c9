/** What an upload counts, and what it says of it at its end. */
import type { FoundOther } from '../files/walk.ts'
import type { FileOutcome, UploadEvent } from '../report/commands/upload-report.ts'

export interface UploadTally {
  /** So far; it goes on counting. */
  readonly counts: { readonly files: number; readonly failed: number; readonly bytes: number }
  file(outcome: FileOutcome): void
  leftOut(found: FoundOther): void
  /** Of those left out more than were named. */
  tellLeftOut(): void
  /** What stopped it left so much whole on the topic. */
  tellWhole(): void
}

/** Names of whole files that are told after an interruption, and of what is no file. */
const NAMED = 20

export function uploadTally(report: (event: UploadEvent) => void): UploadTally {
  const counts = { files: 0, failed: 0, bytes: 0 }
  const whole: string[] = []
  let noFiles = 0
  const info = (text: string) => report({ type: 'info', text })
  return {
    counts,
    file(outcome) {
      if (outcome.result === 'failed') counts.failed++
      else {
        counts.files++
        counts.bytes += outcome.bytes
        if (whole.length < NAMED) whole.push(outcome.path)
      }
      report({ type: 'file', ...outcome })
    },
    leftOut(found) {
      if (++noFiles <= NAMED) info(`left out ${found.shown}: it ${found.reason}`)
    },
    tellLeftOut() {
      if (noFiles > NAMED) info(`left out ${noFiles - NAMED} more that are no files`)
    },
    tellWhole: () => info(wholeText(counts.files, whole)),
  }
}

function wholeText(count: number, names: readonly string[]): string {
  if (count === 0) return 'stopped: no file is whole on the topic'
  const more = count > names.length ? ` and ${count - names.length} more` : ''
  return `stopped: ${count} ${count === 1 ? 'file is' : 'files are'} whole on the topic: ${names.join(', ')}${more}`
}
