/** The epochs of all processes as they really are, and what was run in them. */
import type { FileJob } from '../../../src/plugin/messages.ts'
import type { FileTruth } from '../truth.ts'

export interface Epoch {
  readonly partition: number
  /** Number of its process. */
  readonly life: number
  readonly start: number
  /** By a file's hash: how often it was tried before, as the commit says at which the epoch begins. */
  readonly attempts: ReadonlyMap<number, number>
  state: 'read' | 'going' | 'over'
  /** When it was told to go. */
  goesSince: number
  /** Its process is gone, or was given up by the group: what was not committed by then runs again. */
  isLost: boolean
  /** The last commit of it was not taken, as far as its process knows. */
  isRefused: boolean
}

/** A call of the plugin. */
export interface Run {
  readonly epoch: Epoch
  readonly job: FileJob
}

export interface FileRuns {
  /** Those that go on. */
  readonly now: Set<Run>
  /** The epochs in which it was begun that returned null last, by process. */
  readonly nullBy: Map<number, Epoch>
  lastNull: Epoch | undefined
  /** The last null came when its epoch was over. */
  wasLate: boolean
  /** The epoch in which it was last said to be over: processed, or set aside for good. */
  overIn: Epoch | undefined
  overAt: number
  /** Epochs in which it is held. */
  readonly heldIn: Set<Epoch>
  /** How often it was said to have been tried, and where. */
  tried: { readonly epoch: Epoch; readonly attempts: number; readonly at: number } | undefined
}

export interface Epochs {
  begin(epoch: Epoch): void
  of(life: number, partition: number): Epoch | undefined
  /** Those of a process that are not over. */
  ofProcess(life: number): readonly Epoch[]
  end(epoch: Epoch): void
  runs(f: FileTruth): FileRuns
}

export function epochs(): Epochs {
  const living = new Map<string, Epoch>()
  const files = new Map<FileTruth, FileRuns>()
  const keyOf = (life: number, partition: number) => `${life} ${partition}`
  return {
    begin: epoch => void living.set(keyOf(epoch.life, epoch.partition), epoch),
    of: (life, partition) => living.get(keyOf(life, partition)),
    ofProcess: life => [...living.values()].filter(epoch => epoch.life === life),
    end(epoch) {
      epoch.state = 'over'
      living.delete(keyOf(epoch.life, epoch.partition))
    },
    runs(f) {
      const found = files.get(f) ?? {
        now: new Set<Run>(),
        nullBy: new Map<number, Epoch>(),
        lastNull: undefined,
        wasLate: false,
        overIn: undefined,
        overAt: 0,
        heldIn: new Set<Epoch>(),
        tried: undefined,
      }
      files.set(f, found)
      return found
    },
  }
}
