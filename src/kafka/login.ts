/** Where a client connects to and as whom: what errors are explained with. */
export interface Login {
  readonly brokers: string
  readonly mechanism: string | undefined
  readonly user: string | undefined
  /** TLS or SASL: the broker knows who asks. */
  readonly isKnown: boolean
  readonly isTls: boolean
  /** OAUTHBEARER, and nothing that gives it a token: librdkafka would wait for one for ever. */
  readonly lacksToken: boolean
}

export function loginOf(properties: Readonly<Record<string, string>>): Login {
  const protocol = properties['security.protocol'] ?? 'plaintext'
  const mechanism = properties['sasl.mechanism'] ?? properties['sasl.mechanisms']
  const method = properties['sasl.oauthbearer.method'] ?? 'default'
  const isOwnToken = /^(true|t|1)$/i.test(properties['enable.sasl.oauthbearer.unsecure.jwt'] ?? '')
  return {
    brokers: properties['bootstrap.servers'] ?? properties['metadata.broker.list'] ?? '',
    mechanism,
    user: properties['sasl.username'],
    isKnown: !/^plaintext$/i.test(protocol),
    isTls: /ssl$/i.test(protocol),
    lacksToken:
      /^sasl/i.test(protocol) && mechanism === 'OAUTHBEARER' && /^default$/i.test(method) && !isOwnToken,
  }
}
