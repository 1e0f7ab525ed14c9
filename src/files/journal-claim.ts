/**
 * A journal is of one process at a time. Where the group does not see to that, as it does for a process that has the topic to
 * itself and for members with a name, a link beside the journal says whose it is: it names the temporary folder of that
 * process, which is there as long as the process lives (`output-dir.ts`).
 */
import fs from 'node:fs'
import path from 'node:path'
import { DfspError } from '../base/errors.ts'

/** `tmpDir`: our own. Throws E_OUTPUT where another process has the journal. */
export function claimJournal(journal: string, tmpDir: string): void {
  const claim = `${journal}.owner`
  const own = path.basename(tmpDir)
  // A second time after one that is gone; whoever is faster then has it.
  for (const isLast of [false, true]) {
    try {
      return fs.symlinkSync(own, claim)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unclaimed(journal, error as Error)
    }
    const owner = ownerOf(claim)
    if (isLast || (owner !== undefined && fs.existsSync(path.join(path.dirname(tmpDir), owner))))
      throw unclaimed(
        journal,
        new Error(`process ${owner ?? '(unknown)'} has it, of the same group and topic`),
      )
    fs.rmSync(claim, { force: true })
  }
}

function ownerOf(claim: string): string | undefined {
  try {
    return path.basename(fs.readlinkSync(claim))
  } catch {
    return undefined // gone, or no link
  }
}

function unclaimed(journal: string, cause: Error): DfspError {
  return new DfspError('E_OUTPUT', `cannot have the journal ${journal} alone`, {
    facts: [cause.message],
    next: 'give each process an --output-dir of its own, or a --member of its own, which then names its journal',
    cause,
  })
}
