/** Seeds that found a defect, with what it was: they are run again for ever. */
export const FOUND: ReadonlyMap<number, string> = new Map([
  [268, 'a first commit after a restart cleared the journal before its files were read again'],
  [3578, 'a commit timer that fired between two epochs cleared the journal'],
  [73, 'a damaged copy, which the plugin never saw, cost it one of its attempts'],
  [
    705,
    'a file grew old, and was set aside, while its partitions were being taken away and nothing was read',
  ],
])
