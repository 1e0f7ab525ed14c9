/** The compiled part of the Kafka client. */
import { createRequire } from 'node:module'
import type RdKafka from '@confluentinc/kafka-javascript'
import { DfspError } from '../base/errors.ts'
import { growHeap } from '../base/heap-growth.ts'
import { BUILD_PACKAGES } from './build-packages.ts'

export type Client = RdKafka.KafkaConsumer | RdKafka.Producer

/** What compiles it anew. */
export const REBUILD = `apt-get install ${BUILD_PACKAGES} && CKJS_LINKING=dynamic npm rebuild @confluentinc/kafka-javascript`

let binding: typeof RdKafka | undefined

/** The addon, loaded when first needed: it costs 30 ms and 12 MB. */
export function rdkafka(): typeof RdKafka {
  if (binding) return binding
  growHeap()
  try {
    binding = createRequire(import.meta.url)('@confluentinc/kafka-javascript') as typeof RdKafka
    return binding
  } catch (error) {
    throw new DfspError('E_ADDON', 'the Kafka client is not built', {
      facts: [
        `no binary of @confluentinc/kafka-javascript for ${process.platform}-${process.arch}, Node ${process.versions.node}`,
      ],
      next: REBUILD,
      cause: error,
    })
  }
}
