/** Which settings are not to be shown, and what is shown instead: the one list, for all that shows any. */

const SECRET = new RegExp(
  [
    'passw|passphrase|pwd|secret|token|key|jaas|cookie|credential(?!s\\.client)|connection[._ -]?string',
    '(^|[._-])auth([._-]|$)|auth$|authorization|oauthbearer\\.config$',
    'passcode|(^|[._-]|db|user)(pass|pw|psw|creds?)$|(^|[._-])(pat|dsn|sas|sig|signature|bearer|pem|salt)$',
  ].join('|'),
  'i',
)
/** Names that hold such a word but only say where something is, or of what kind. */
const HARMLESS = /(location|file|url|keytab|algorithm|serializer|type|method|mechanism)$/i

/** Before the password of an address; a port is none. */
const LOGIN = String.raw`(//[^/:@\s]*):(?!\d+(?:[/?#,\s]|$))`
/** A quote ends a text in JSON, and may be part of a value. */
const LOGIN_IN_TEXT = new RegExp(String.raw`${LOGIN}[^\s"]*@`, 'g')
const LOGIN_IN_VALUE = new RegExp(String.raw`${LOGIN}\S*@`, 'g')

export const MASK = '********'

export function isSecret(name: string): boolean {
  return SECRET.test(name) && !HARMLESS.test(name)
}

/** The value as it may be shown: masked, or without what it carries of a login. */
export function masked(name: string, value: string): string {
  if (isSecret(name)) return value === '' ? '' : MASK
  return withoutSecrets(value)
}

/** Running text, such as an error's, without the logins of the addresses that it names. */
export function withoutLogins(text: string): string {
  return text.replaceAll(LOGIN_IN_TEXT, `$1:${MASK}@`).replaceAll(
    /(?<=^|[\s"'`(=,])([\w.+-]*):(?!\/\/|\d+(?:[/?#,\s]|$))[^\s@"]+@(?=[\w[])/g, // without a protocol
    `$1:${MASK}@`,
  )
}

/** Logins as URLs, DSNs, connection strings, headers and JAAS carry them. */
function withoutSecrets(text: string): string {
  return withoutLogins(
    text
      .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*-----|$)/g, MASK)
      .replaceAll(LOGIN_IN_VALUE, `$1:${MASK}@`),
  )
    .replaceAll(/\/\/[^/:@\s]{20,}@/g, `//${MASK}@`) // a token in the place of a user
    .replace(/^([\w.+-]+[:/])[^@\s/]+@/, `$1${MASK}@`) // user:password@tcp(host), user/password@host
    .replaceAll(/\b(Bearer|Basic) +[\w.~+/-]{6,}=*/gi, `$1 ${MASK}`)
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, MASK) // a JWT
    .replaceAll(/([?&])([\w.-]+)=([^&#\s]+)/g, (found, before: string, name: string) =>
      isSecret(name) ? `${before}${name}=${MASK}` : found,
    )
    .replaceAll(
      /([\w.-]+)(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s;,&"']+)/g,
      (found, name: string, between: string) => (isSecret(name) ? `${name}${between}${MASK}` : found),
    )
}
