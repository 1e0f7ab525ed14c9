/**
 * Whether the broker answers the client's fetches, from the client's statistics. While an answer is on its way over a
 * slow link, or is held back, nothing comes of any partition, and nothing is wrong with one.
 */

export interface FetchAnswers {
  /** The statistics as the client tells them, every few seconds. */
  hear(json: string): void
  /** The broker of the partition answered between the last two statistics; also true where there are none. */
  cameFor(partition: number): boolean
}

interface Statistics {
  readonly brokers: Readonly<Record<string, { readonly nodeid: number; readonly rx: number }>>
  readonly topics: Readonly<
    Record<string, { readonly partitions: Readonly<Record<string, { readonly broker: number }>> }>
  >
}

export function fetchAnswers(topic: string): FetchAnswers {
  let before: (() => Statistics) | undefined
  let last: (() => Statistics) | undefined
  /** Responses of the partition's broker since the client began. */
  function responses({ brokers, topics }: Statistics, partition: number): number | undefined {
    const leader = topics[topic]?.partitions[partition]?.broker
    return Object.values(brokers).find(({ nodeid }) => nodeid === leader)?.rx
  }
  return {
    hear(json) {
      before = last
      // Read only when it is asked for: of a thousand partitions it has two megabytes.
      let read: Statistics | undefined
      last = () => (read ??= JSON.parse(json) as Statistics)
    },
    cameFor: partition =>
      before === undefined ||
      last === undefined ||
      responses(before(), partition) !== responses(last(), partition),
  }
}
