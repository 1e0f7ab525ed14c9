/** Where reading begins for a group without commits: an end of the log, or the first record sent at a time. */
export type StartOffset =
  | 'earliest'
  | 'latest'
  | { /** Milliseconds since the epoch. */ readonly time: number }
