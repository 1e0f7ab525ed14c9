/** Seeds that found a defect, with what it was: they are run again for ever. */
export const FOUND: ReadonlyMap<number, string> = new Map([
  [1703, 'a good copy was forgotten that came while a damaged file was read again and whole already'],
  [21721, 'a commit cleared the journal of a file that had been given up while its entry was being written'],
  [130801, 'a commit cleared the journal of a file that was read again and waited for room'],
  [22349, 'evicted files never came back while incomplete ones filled memory above the low mark'],
  [155916, 'the only file that could have closed the breaker was given up: nothing was read any more'],
  [157765, 'after two pauses in a row a file grew old whose chunks had lain unread since the first'],
  [268, 'a first commit after a restart cleared the journal before its files were read again'],
  [3578, 'a commit timer that fired between two epochs cleared the journal'],
  [73, 'a damaged copy, which the plugin never saw, cost it one of its attempts'],
  [
    705,
    'a file grew old, and was set aside, while its partitions were being taken away and nothing was read',
  ],
])
