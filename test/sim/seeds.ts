/**
 * Seeds that found a defect, with what it was: they are run again for ever. What a seed draws changes with the kinds and
 * the plan; these were found anew, with the defect put back, when those changed last.
 */
export const FOUND: ReadonlyMap<number, string> = new Map([
  [407, 'a first commit after a restart cleared the journal before its files were read again'],
  [769, 'a commit timer that fired between two epochs cleared the journal'],
  [144, 'a damaged copy, which the plugin never saw, cost it one of its attempts'],
  [5851, 'evicted files never came back while incomplete ones filled memory above the low mark'],
  [
    5039999,
    'a finished file of which only part was read again before a stop was taken for a new one afterwards',
  ],
  [699, 'nothing was read any more: no file was left that could have closed the breaker'],
])
