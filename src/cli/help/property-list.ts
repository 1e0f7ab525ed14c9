/** What `-X list` prints. */
import { PROPERTIES } from '../../kafka/properties.ts'

/** One line for each of librdkafka's properties: name, who uses it, what it takes, its default. */
export function propertyList(): string {
  const width = Math.max(...PROPERTIES.map(({ name }) => name.length))
  return PROPERTIES.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, user, kind, choices, min, max, standard, aliasOf }) => {
      const takes = choices?.join('|') ?? (min === undefined ? kind : `${min}..${max}`)
      const what = aliasOf === undefined ? takes : `${takes}, another name of ${aliasOf}`
      return `${name.padEnd(width)}  ${user.padEnd(8)}  ${what}${standard === undefined ? '' : ` (default ${standard})`}\n`
    })
    .join('')
}
