/** What an error means while a topic is copied: the end, or a trouble that may pass. */
import { setTimeout as delay } from 'node:timers/promises'
import { DfspError, type ErrorCode } from '../base/errors.ts'
import { troubles } from '../core/troubles.ts'
import { sessionLimits } from '../kafka/ask/session-limits.ts'
import { type ClientError, ERR } from '../kafka/client-error.ts'
import { clientOutages } from '../kafka/consumer/outages.ts'
import { readErrors } from '../kafka/consumer/read-errors.ts'
import type { CopyMember } from '../kafka/copying/member.ts'
import { namesake, nameTaken } from '../kafka/copying/namesake.ts'
import { explain, isOfRecord } from '../kafka/explain.ts'

/** Of what is written: it is not mended by trying again. */
const LASTING: ReadonlySet<ErrorCode> = new Set(['E_ACL', 'E_TOPIC_MISSING'])
const RETRY_MS = 1_000

export interface CopyTroubles {
  /** Something came: the broker answers. */
  alive(): void
  /** A read failed. */
  unread(error: unknown): void
  /** A question failed, which is asked again. */
  unanswered(error: unknown): void
  /** Asks until it is answered. Throws the DfspError that ends the copying, or the last one once `isOver`. */
  persistently<T>(ask: () => Promise<T>, isOver: () => boolean): Promise<T>
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
  function unanswered(error: unknown): void {
    try {
      errors.retried(error)
    } catch (told) {
      end(told as DfspError)
    }
  }
  return {
    alive: errors.alive,
    unread(error) {
      if (error instanceof DfspError) end(error)
      else errors.failed(error as ClientError)
    },
    unanswered,
    async persistently(ask, isOver) {
      for (;;) {
        try {
          return await ask()
        } catch (error) {
          unanswered(error)
          if (fatal !== undefined) throw fatal
          if (isOver()) throw explain(error as ClientError, { topic, group, login, doing: 'read offsets' })
          await delay(RETRY_MS)
        }
      }
    },
    async aborted(reason) {
      const told = explain(reason, { topic: target, group, login, doing: 'produce' })
      if (isOfRecord(told) || LASTING.has(told.code)) return end(told)
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
