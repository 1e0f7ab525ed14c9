/** What an error means while a topic is copied: the end, or a trouble that may pass. */
import { DfspError } from '../base/errors.ts'
import { troubles } from '../core/troubles.ts'
import { sessionLimits } from '../kafka/ask/session-limits.ts'
import { type ClientError, ERR } from '../kafka/client-error.ts'
import { clientOutages } from '../kafka/consumer/outages.ts'
import { readErrors } from '../kafka/consumer/read-errors.ts'
import type { CopyMember } from '../kafka/copying/member.ts'
import { namesake, nameTaken } from '../kafka/copying/namesake.ts'
import { explain, isOfRecord } from '../kafka/explain.ts'

export interface CopyTroubles {
  /** Something came: the broker answers. */
  alive(): void
  /** A read failed. */
  unread(error: unknown): void
  /** A question failed, which is asked again. */
  unanswered(error: unknown): void
  /** A round failed, and its records are copied again. */
  aborted(reason: ClientError): Promise<void>
  /** Ends the copying with this error. */
  end(error: DfspError): void
  /** What ends the copying. */
  readonly fatal: DfspError | undefined
}

export interface CopyTroublesOptions {
  readonly topic: string
  readonly target: string
  readonly properties: Readonly<Record<string, string>>
  onProblem(text: string): void
}

export function copyTroubles(
  member: Pick<CopyMember, 'client' | 'group' | 'name' | 'login' | 'given'>,
  { topic, target, properties, onProblem }: CopyTroublesOptions,
): CopyTroubles {
  const { client, group, login, given } = member
  let fatal: DfspError | undefined
  const end = (error: DfspError) => {
    fatal ??= error
  }
  const trouble = troubles(onProblem, () => performance.now())
  const errors = readErrors({
    clients: new Set([client]),
    topic,
    group,
    login,
    outages: clientOutages(client, login),
    sessionMs: given.sessionMs,
    sessionLimits: () => sessionLimits(properties, undefined),
    onFatal: end,
    onProblem,
  })
  return {
    alive: errors.alive,
    unread(error) {
      if (error instanceof DfspError) end(error)
      else errors.failed(error as ClientError)
    },
    unanswered(error) {
      try {
        errors.retried(error)
      } catch (told) {
        end(told as DfspError)
      }
    },
    async aborted(reason) {
      const told = explain(reason, { topic: target, group, login, doing: 'copy' })
      if (isOfRecord(told) || told.code === 'E_ACL') return end(told)
      if (reason.code === ERR.FENCED) {
        const other = await namesake(member)
        if (other !== undefined) return end(nameTaken(member, other))
      }
      trouble.tell(`a round was not taken, and is copied again: ${[told.message, ...told.facts].join(': ')}`)
    },
    end,
    get fatal() {
      return fatal
    },
  }
}
