/** The session time-outs that a broker allows to members of a group, against the one that a run sets. */
import { DfspError } from '../../base/errors.ts'
import { addressText } from '../failures.ts'
import { describedConfigs } from './cluster-facts.ts'
import { onWire } from './wire.ts'

export interface SessionLimits {
  /** Milliseconds. */
  readonly min: number
  readonly max: number
}

const BROKER = 4
const MIN = 'group.min.session.timeout.ms'
const MAX = 'group.max.session.timeout.ms'

/** Never rejects: undefined where the broker does not tell. */
export async function sessionLimits(
  properties: Readonly<Record<string, string>>,
  broker: { readonly id: number; readonly host: string; readonly port: number } | undefined,
): Promise<SessionLimits | undefined> {
  if (broker === undefined) return undefined
  try {
    // A broker tells of itself only.
    const found = await onWire({ ...properties, 'bootstrap.servers': addressText(broker) }, wire =>
      describedConfigs(wire, BROKER, String(broker.id), [MIN, MAX]),
    )
    const [min, max] = [Number(found?.get(MIN)), Number(found?.get(MAX))]
    return min > 0 && max >= min ? { min, max } : undefined
  } catch {
    return undefined
  }
}

/** E_CONFIG: which setting, what the broker allows, and what mends it. */
export function sessionRefused(sessionMs: number, limits: SessionLimits | undefined): DfspError {
  const fitting = limits && Math.min(limits.max, Math.max(limits.min, sessionMs))
  return new DfspError('E_CONFIG', `the broker does not take session.timeout.ms = ${sessionMs}`, {
    facts: [
      limits === undefined
        ? `its ${MIN} and ${MAX} say what it allows; they cannot be asked for`
        : `it allows ${limits.min} to ${limits.max} (${MIN}, ${MAX})`,
    ],
    next: `-X session.timeout.ms=${fitting ?? '…'}, or session.timeout.ms in [consumer]`,
  })
}
