/**
 * Faults that the tests have to find, each as exact replacements in a file. Where the text to be replaced is no longer there,
 * the list is out of date: plant the same fault in what took its place.
 */

export interface Mutant {
  readonly name: string
  readonly edits: readonly Edit[]
  /** Simulated histories that are to find it: of one process, of several, or none since they do not come there. */
  readonly simulation: 'solo' | 'shared' | undefined
  /** Test files near it, which are to find it where no history does, and may where one does. */
  readonly tests: readonly string[]
}

export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

const LEDGER = ['test/core/offsets/ledger.test.ts', 'test/core/offsets/ledger-model.test.ts']
const RECORD = ['test/core/offsets/replay.test.ts', 'test/core/offsets/commit-record-model.test.ts']
const COMMITS = ['test/processor/commits.test.ts', 'test/processor/processor-restart.test.ts']
const SHARED = ['test/processor/processor-shared.test.ts']
const PARTITIONS = ['test/processor/processor-partitions.test.ts', ...SHARED]
const OWNED = [
  'test/kafka/consumer/owned.test.ts',
  'test/kafka/consumer/ownership.test.ts',
  'test/kafka/consumer/delivery.test.ts',
]

export const MUTANTS: readonly Mutant[] = [
  // ---- ledger
  {
    name: "a cut's base is one too high",
    edits: [
      {
        file: 'src/core/offsets/ledger.ts',
        from: '      base: base(),\n      position,\n      changes,',
        to: '      base: Math.min(position, base() + 1),\n      position,\n      changes,',
      },
    ],
    simulation: 'shared',
    tests: LEDGER,
  },
  {
    name: 'a receipt of an epoch that ended resolves a record of the next one',
    edits: [
      {
        file: 'src/core/offsets/ledger.ts',
        from: 'return p !== undefined && p.epoch === receipt.epoch && p.resolve(receipt.seq)',
        to: 'return p !== undefined && p.resolve(receipt.seq)',
      },
    ],
    simulation: undefined, // nothing hands it one
    tests: LEDGER,
  },
  {
    name: 'the answer to a commit of an epoch that ended counts for the next one',
    edits: [
      {
        file: 'src/core/offsets/ledger.ts',
        from: 'if (p?.epoch === part.epoch) p.committed(part)',
        to: 'p?.committed(part)',
      },
    ],
    simulation: undefined,
    tests: LEDGER,
  },
  // ---- commits
  {
    name: 'a refused commit is taken for one that was stored',
    edits: [
      {
        file: 'src/processor/commit/commits.ts',
        from: 'if (!(await wasApplied(offsets))) throw error',
        to: 'await wasApplied(offsets)',
      },
    ],
    simulation: 'shared',
    tests: COMMITS,
  },
  {
    name: 'partitions go without waiting for their last commit',
    edits: [
      {
        file: 'src/processor/leaving.ts',
        from: '        await committing.now()\n      }\n      owned.remember(going)',
        to: '        void committing.now()\n      }\n      owned.remember(going)',
      },
    ],
    simulation: 'shared',
    tests: PARTITIONS,
  },
  {
    name: 'a late result is believed',
    edits: [
      {
        file: 'src/processor/running/file-work.ts',
        from: '    if (isRunning(file)) {\n      const ended',
        to: '    if (file !== undefined) {\n      const ended',
      },
      {
        file: 'src/processor/running/attempts.ts',
        from: '    if (isRunning(file)) ends.done(file, ms)\n    else file.stored.release()',
        to: '    ends.done(file, ms)',
      },
    ],
    simulation: 'shared',
    tests: PARTITIONS,
  },
  {
    name: 'foreign partitions in a commit refuse all of it where each is committed by itself',
    edits: [{ file: 'src/kafka/consumer/committer.ts', from: 'if (foreign && !shared)', to: 'if (foreign)' }],
    simulation: undefined, // a member that is given up loses all at once
    tests: ['test/kafka/consumer/committer.test.ts'],
  },
  {
    name: 'a partition that is not owned any more is committed',
    edits: [
      {
        file: 'src/kafka/consumer/owned.ts',
        from: 'mayCommit: partition => positions.has(partition) && !spoilt.has(partition),',
        to: 'mayCommit: () => true,',
      },
    ],
    simulation: undefined, // the processor forgets it first
    tests: OWNED,
  },
  // ---- attempts
  {
    name: 'attempts are not carried over a restart, where partitions are shared',
    edits: [
      {
        file: 'src/processor/intake/intake.ts',
        from: 'if (settings.shared) return replays.get(partition)?.attemptsOf(hash) ?? 0',
        to: 'if (settings.shared) return 0',
      },
    ],
    simulation: 'shared',
    tests: SHARED,
  },
  {
    name: 'attempts are not carried over a restart',
    edits: [
      {
        file: 'src/processor/intake/intake.ts',
        from: 'most = Math.max(most, replay.attemptsOf(hash))',
        to: 'most = Math.max(most, 0 * replay.attemptsOf(hash))',
      },
    ],
    simulation: 'solo',
    tests: COMMITS,
  },
  {
    name: 'a commit does not say how often a file was tried',
    edits: [
      {
        file: 'src/processor/commit/commit-content.ts',
        from: 'if (begun > 0) attempts.set(file.hash, begun)',
        to: 'if (begun < 0) attempts.set(file.hash, begun)',
      },
    ],
    simulation: 'shared',
    tests: COMMITS,
  },
  // ---- replay
  {
    name: 'the first unresolved record of a run counts as resolved',
    edits: [
      {
        file: 'src/core/offsets/replay.ts',
        from: 'return stretch === undefined || offset < stretch[0]\n',
        to: 'return stretch === undefined || offset <= stretch[0]\n',
      },
    ],
    simulation: 'shared',
    tests: RECORD,
  },
  {
    name: 'a commit before all is read again forgets what the last one said of the rest',
    edits: [
      {
        file: 'src/processor/commit/commit-content.ts',
        from: 'replay !== undefined && replay.end > cut.position ? replay.rest(cut.position) : undefined\n',
        to: 'replay !== undefined && replay.end < 0 ? replay.rest(cut.position) : undefined\n',
      },
    ],
    simulation: 'shared',
    tests: COMMITS,
  },
  {
    name: "one partition's record is believed for another",
    edits: [
      {
        file: 'src/processor/intake/intake.ts',
        from: 'const replay = replays.get(r.partition)\n',
        to: 'const replay = replays.values().next().value\n',
      },
    ],
    simulation: 'shared',
    tests: [...RECORD, ...COMMITS],
  },
  // ---- what is known of a partition that comes back
  {
    name: 'what another process committed meanwhile is not believed',
    edits: [
      {
        file: 'src/processor/commit/known-at-revoke.ts',
        from: 'return (texts.get(partition) ?? []).some(text => sameMetadata(text, metadata))',
        to: 'return texts.has(partition) || sameMetadata(metadata, metadata)',
      },
    ],
    simulation: 'shared',
    tests: PARTITIONS,
  },
  // ---- ownership
  {
    name: 'a partition that goes takes the others with it',
    edits: [
      {
        file: 'src/kafka/consumer/ownership.ts',
        from: 'return shared ? list : owned.positions.keys()',
        to: 'return shared === undefined ? list : owned.positions.keys()',
      },
    ],
    simulation: 'shared',
    tests: OWNED,
  },
  {
    name: 'partitions that are lost are drained and committed',
    edits: [
      {
        file: 'src/kafka/consumer/ownership.ts',
        from: 'await endEpochs(goingWith(list), assign.isLost)',
        to: 'await endEpochs(goingWith(list), false)',
      },
    ],
    simulation: 'shared',
    tests: OWNED,
  },
  {
    name: 'records of a partition that goes are handed on',
    edits: [
      {
        file: 'src/kafka/consumer/owned.ts',
        from: 'position === undefined || position.isGoing || position.turn > asked',
        to: 'position === undefined || position.turn > asked',
      },
    ],
    simulation: undefined, // the processor begins nothing of them, and drops them with the partition
    tests: OWNED,
  },
  {
    name: 'a new group is decided by the partitions that a process is given',
    edits: [
      {
        file: 'src/kafka/consumer/shared-starts.ts',
        from: "export const UNCOMMITTED_FROM: StartOffset = 'earliest'",
        to: "export const UNCOMMITTED_FROM: StartOffset = 'latest'",
      },
    ],
    simulation: 'shared',
    tests: [],
  },
  // ---- partitions leave
  {
    name: "a revoked partition drops another's files",
    edits: [
      {
        file: 'src/processor/leaving.ts',
        from: 'const dropped = owned.filesIn(going)\n',
        to: 'const dropped = owned.filesIn(new Set(ledger.partitions()))\n',
      },
    ],
    simulation: 'shared',
    tests: PARTITIONS,
  },
  {
    name: 'a file is begun while its partition goes',
    edits: [
      {
        file: 'src/processor/leaving.ts',
        from: 'for (const file of owned.filesIn(going)) if (!isRunning(file)) work.leave(file)',
        to: 'for (const file of owned.filesIn(going)) if (file.size < 0) work.leave(file)',
      },
    ],
    simulation: 'shared',
    tests: PARTITIONS,
  },
  {
    name: 'files that are sent to two partitions are one',
    edits: [
      {
        file: 'src/processor/table/open-files.ts',
        from: 'const keyOf = (partition: number, id: FileId) => (shared ?',
        to: 'const keyOf = (partition: number, id: FileId) => (shared && partition < 0 ?',
      },
    ],
    simulation: undefined, // a file of several chunks has one home there
    tests: SHARED,
  },
  // ---- keyed guard
  {
    name: 'a stray chunk is waited for',
    edits: [
      {
        file: 'src/processor/intake/intake.ts',
        from: 'const isStray = settings.shared && !isAtHome(r, path, chunk)',
        to: 'const isStray = settings.shared && r.offset < 0 && !isAtHome(r, path, chunk)',
      },
    ],
    simulation: 'shared',
    tests: SHARED,
  },
  {
    name: 'a header that says that a file is together is not read',
    edits: [
      {
        file: 'src/processor/intake/intake.ts',
        from: 'total === 1 || isKeyed(headers) || partition === homeOf(path)',
        to: 'total === 1 || (total < 0 && isKeyed(headers)) || partition === homeOf(path)',
      },
    ],
    simulation: 'shared',
    tests: SHARED,
  },
  // ---- journal
  {
    name: 'the journal is emptied before its files were read again',
    edits: [
      {
        file: 'src/processor/processor.ts',
        from: 'if (isSettled && owned.areReadAgain) journal.committed()',
        to: 'if (isSettled) journal.committed()',
      },
    ],
    simulation: 'solo',
    tests: ['test/processor/processor-journal.test.ts'],
  },
  {
    // Nothing in src keeps them apart: each process has an output folder of its own, as docs/running.md asks for.
    name: 'two processes have one journal',
    edits: [
      {
        file: 'test/sim/shared/host.ts',
        from: 'journalOf(() => running as HostWorld, journals[number - 1])',
        to: 'journalOf(() => running as HostWorld, journals[0])',
      },
    ],
    simulation: 'shared',
    tests: [],
  },
  // ---- repartition: faults of src/repartition, with the tests that are to find them
]
