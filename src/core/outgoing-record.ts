/** A record as a plugin hands it to `ctx.produce`. */
export interface OutgoingRecord {
  /** Defaults to `--output-topic`. */
  readonly topic?: string
  readonly key?: string | Uint8Array | null
  readonly value: string | Uint8Array
  readonly partition?: number
  readonly headers?: Readonly<Record<string, string | Uint8Array>>
}
