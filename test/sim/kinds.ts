/**
 * What may go wrong in a history. Each history turns a random part of these on: with everything on at once, much
 * could never happen (a process that crashes every second never fills its memory).
 */
import type { Dice } from './seed.ts'

/** Each kind with the share of histories in which it is on. */
const SHARES = {
  // Records
  /** Records come while the history runs, not only before it. */
  late: 0.6,
  /** Single records are sent twice. */
  duplicates: 0.3,
  /** Whole files are sent again. */
  repeats: 0.15,
  /** A copy of a chunk has damaged data; a good copy may follow. */
  damage: 0.2,
  /** Chunks that do not make a file, or a file that is not what was announced. */
  impossible: 0.1,
  /** Chunks of some files never come. */
  incomplete: 0.2,
  /** A path carries several contents. */
  generations: 0.2,
  /** Files that match no --files pattern. */
  filtered: 0.1,
  junk: 0.15,
  tombstones: 0.15,
  /** Offsets without a record. */
  gaps: 0.15,
  // Reading and committing
  slowReads: 0.3,
  slowCommits: 0.3,
  refusedCommits: 0.2,
  /** Applied, but the answer is an error. */
  lostAnswers: 0.2,
  // The group and the process
  revokes: 0.25,
  losses: 0.15,
  /** Another process owns the partitions in between. */
  otherOwner: 0.6,
  crashes: 0.35,
  stops: 0.2,
  /** The next life begins on another host. */
  otherHost: 0.3,
  journal: 0.4,
  // The plugin
  slowPlugin: 0.3,
  flaky: 0.25,
  poison: 0.2,
  hangs: 0.1,
  deaths: 0.1,
  ioErrors: 0.1,
  /** For a while every file fails. */
  outages: 0.12,
  hooks: 0.2,
  // Memory, disk, what was evicted
  smallMemory: 0.4,
  fullDisk: 0.2,
  /** Temporary files are removed by somebody else. */
  lostFiles: 0.08,
  slowRefetch: 0.3,
  brokenRefetch: 0.2,
  // Dead letters
  slowLetters: 0.3,
  refusedLetters: 0.25,
  // Settings
  /** --reprocess-identical. */
  reprocess: 0.06,
  /** --on-error stop; without what would stop every process again. */
  stopPolicy: 0.05,
  // Of their own kind: what they take away excuses files
  /** The broker deletes the head of a partition. */
  retention: 0.06,
  /** A tool resets or damages what a partition's commit says. */
  resets: 0.06,
} as const

export type Kind = keyof typeof SHARES

export const KINDS = Object.keys(SHARES) as readonly Kind[]

const ENDLESS: readonly Kind[] = ['poison', 'damage', 'impossible', 'junk']

/** The kinds that are on; those in `without` never are, whatever the dice say. */
export function drawKinds(dice: Dice, without: ReadonlySet<string>): ReadonlySet<Kind> {
  // Some histories are calm and some are wild.
  const mood = dice.pick([0.3, 1, 1, 1.6])
  const on = new Set<Kind>()
  // Dice of its own for each, so that a further kind changes nothing for the others.
  for (const kind of KINDS)
    if (dice.fork(kind).chance(SHARES[kind] * mood) && !without.has(kind)) on.add(kind)
  if (on.has('stopPolicy')) for (const kind of ENDLESS) on.delete(kind)
  return on
}
