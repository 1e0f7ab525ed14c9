/** The client's errors as the binding hands them out. The only place that knows librdkafka's error numbers. */

/** librdkafka's error, as the binding hands it out. */
export interface ClientError {
  readonly code: number
  readonly message: string
  readonly isFatal?: boolean
  readonly isRetriable?: boolean
  readonly isTxnRequiresAbort?: boolean
}

/** Numbers from librdkafka's rdkafka.h: negative ones are its own, positive ones the Kafka protocol's. */
export const ERR = {
  TRANSPORT: -195,
  /** Another producer of the same transactional.id was opened, or the broker gave the transaction up. */
  FENCED: -144,
  MESSAGE_TIMED_OUT: -192,
  PURGED: -152,
  UNKNOWN_TOPIC: -188,
  TIMED_OUT: -185,
  WAITING_FOR_COORDINATOR: -180,
  QUEUE_FULL: -184,
  UNKNOWN_PARTITION: -190,
  BAD_COMPRESSION: -198,
  ASSIGN_PARTITIONS: -175,
  /** Of a record batch: its compression, or its format, is unknown to this build. */
  NOT_IMPLEMENTED: -170,
  AUTHENTICATION: -169,
  FATAL: -150,
  /** Of a client that could not be made: its properties contradict each other. */
  UNKNOWN: -1,
  /** Of a question about a topic that the broker does not show. */
  NO_ENTRY: -156,
  UNKNOWN_TOPIC_OR_PART: 3,
  INVALID_MESSAGE: 2,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  COORDINATOR_LOADING: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER: 25,
  REBALANCE_IN_PROGRESS: 27,
  COMMIT_TOO_LARGE: 28,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  INVALID_SESSION_TIMEOUT: 26,
  INVALID_TIMESTAMP: 32,
  TOPIC_EXISTS: 36,
  POLICY_VIOLATION: 44,
  FENCED_INSTANCE: 82,
  INVALID_RECORD: 87,
  UNRELEASED_INSTANCE: 111,
  STALE_MEMBER_EPOCH: 113,
} as const
