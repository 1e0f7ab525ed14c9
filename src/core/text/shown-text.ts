/**
 * Text from outside (names, errors, what plugins say) as it may be shown: one guard and one set of characters for log,
 * terminal, JSON, tables and pages.
 *
 * core/text/ is what text from outside becomes before it is shown, matched or cut.
 */

/** What ends a line, moves a cursor, turns the order of letters around, is half a letter, or cannot be seen. */
export const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

const PLAIN = /^[ -~]*$/
const LINE_END_OR_HIDDEN = new RegExp(`\\r?\\n|\\t|${HIDDEN.source}`, 'gu')

/** One line without hidden characters: they are shown as JavaScript writes them, `\x1b`, `\u202e`, `\u{e0041}`. */
export function oneLine(text: string): string {
  return PLAIN.test(text) ? text : text.replace(LINE_END_OR_HIDDEN, shown)
}

function shown(letter: string): string {
  if (letter.endsWith('\n')) return ' ⏎ '
  if (letter === '\t') return ' '
  const hex = (letter.codePointAt(0) as number).toString(16)
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`
}

/** Lines to write, each with its end. */
export function textLines(lines: readonly string[]): string {
  return lines.map(line => `${oneLine(line)}\n`).join('')
}

/** JSON without hidden characters, which it has escaped: it parses back to what it was made of. */
export function jsonLine(value: string | number | boolean | object | null): string {
  const json = JSON.stringify(value)
  return PLAIN.test(json) ? json : json.replace(HIDDEN, escaped)
}

function escaped(letter: string): string {
  const units = letter.split('')
  return units.map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
}

/** Of one message, error or line that user code gives, more characters are of no use to anybody. */
export const MOST_TOLD = 8_192

/** At most `most` characters of a text, in memory of their own: a part of a string keeps all of it. */
export function copiedText(text: string, most: number): string {
  return Buffer.from(cutText(text, most)).toString()
}

/** The beginning of a text that is longer than `most`, and how long it was. */
export function cutText(text: string, most = MOST_TOLD): string {
  if (text.length <= most) return text
  return `${text.slice(0, most)}… (${text.length.toLocaleString('en-US')} characters)`
}
