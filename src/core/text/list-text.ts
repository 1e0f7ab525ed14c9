/** A list on one line, however long others make it. */

const MOST_NAMED = 20

/** "1, 2, 3 and 400 more". */
export function listText(items: readonly (string | number)[], most = MOST_NAMED): string {
  const more = items.length - most
  return `${items.slice(0, most).join(', ')}${more > 0 ? ` and ${more.toLocaleString('en-US')} more` : ''}`
}
