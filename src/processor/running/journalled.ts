/** The journal by file: what was processed, though no commit may say so. */

import type { ProcessorDeps } from '../processor-deps.ts'
import type { OpenFile } from '../table/open-file.ts'
import type { OpenFiles } from '../table/open-files.ts'

export interface Journalled {
  has(file: OpenFile): boolean
  /** Resolves once all of them are on disk; undefined without a journal. */
  readonly append: ((files: readonly OpenFile[]) => Promise<unknown>) | undefined
  /** All that lay in the log when the partitions were assigned was read, and is committed: forgets it, unless it names an open file. */
  committed(): void
}

export function journalled(deps: ProcessorDeps, files: Pick<OpenFiles, 'byKey'>): Journalled {
  const { journal, settings } = deps

  /** With --reprocess-identical each delivery of a file is one of its own. */
  function keyOf(file: OpenFile): string {
    if (!settings.reprocessIdentical) return file.digest
    const first = Math.min(...file.offsets.keys())
    return deps.digest128(`${file.id}\0${first}\0${file.offsets.get(first)?.[0]}`)
  }

  function has(file: OpenFile): boolean {
    return journal?.has(keyOf(file)) ?? false
  }

  return {
    has,
    append: journal && (of => Promise.all(of.map(file => journal.append(keyOf(file))))),
    committed() {
      if (journal === undefined) return
      for (const file of files.byKey.values()) if (has(file)) return
      journal.clear()
    },
  }
}
