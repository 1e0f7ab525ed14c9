/** Which settings are not to be shown, and what is shown instead. */

const SECRET = /passw|passphrase|secret|token|key|\.pem$|jaas\.config$|oauthbearer\.config$/i
/** Names that hold such a word but only say where something is, or of what kind. */
const HARMLESS = /(location|file|url|keytab|algorithm|serializer)$/i

export const MASK = '********'

export function isSecret(name: string): boolean {
  return SECRET.test(name) && !HARMLESS.test(name)
}

/** The value as it may be shown: masked, or without the password that a URL carries. */
export function masked(name: string, value: string): string {
  if (isSecret(name)) return value === '' ? '' : MASK
  return value.replaceAll(/(\/\/[^/:@\s]*):[^/@\s]+@/g, `$1:${MASK}@`)
}
