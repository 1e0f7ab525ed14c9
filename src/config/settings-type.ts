/** What a command works with once flags, environment, config file and defaults are merged. */
import type { Values } from './options/options.ts'

/** Values as text, by librdkafka's names; `splitProperties` of kafka/properties.ts types and sorts them. */
export type PropertyMap = Readonly<Record<string, string>>

export interface Settings {
  readonly values: Values
  /**
   * Where a value comes from: "flag", "env DFSP_TOPIC", "dfsp.config:6" or "default". Keys are long names
   * ("on-error") and, for librdkafka's properties, "common", "consumer" or "producer" and the name
   * ("consumer/fetch.min.bytes"); for keys of other sections the section and the key ("plugin/column").
   */
  readonly origins: ReadonlyMap<string, string>
  /** `consumer` and `producer` are complete: what is common is in them too. */
  readonly kafka: {
    readonly common: PropertyMap
    readonly consumer: PropertyMap
    readonly producer: PropertyMap
  }
  /** What [heartbeat] and [log] put on top of the producer's, where their topic is named. */
  readonly senders: { readonly heartbeat: PropertyMap; readonly log: PropertyMap }
  /** All sections of the file, variables resolved: what a plugin sees as ctx.config. */
  readonly sections: Readonly<Record<string, PropertyMap>>
  /** Warnings to log once the log is there. */
  readonly notices: readonly string[]
  readonly configFile: string | undefined
  /** Where the file asks that records be encrypted, which dfsp cannot do: nothing may be sent. */
  readonly encryption: string | undefined
}
