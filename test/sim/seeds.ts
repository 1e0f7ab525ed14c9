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
  [10559193, 'after a rebalance a commit said of one partition what was finished, and of the others nothing'],
  [
    10437206,
    'with --reprocess-identical a file that was finished while records were read again ran once more',
  ],
  [10060533, 'the same, and what was left of its records was taken for a file that stays incomplete'],
  [30000992, 'what another process had finished while the partitions were away ran again'],
  [10722533, 'memory grew with every batch while the disk had room for a probe and no more'],
  [699, 'nothing was read any more: no file was left that could have closed the breaker'],
])
