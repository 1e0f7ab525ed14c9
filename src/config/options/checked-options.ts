/** The last word on all options: from text to values, and what goes together. */
import type { StartOffset } from '../../core/offsets/start-offset.ts'
import { masked } from '../secrets.ts'
import { parseOption } from './option-value.ts'
import { OPTIONS, type OptionName } from './options.ts'

export type OptionTexts = ReadonlyMap<OptionName, string | readonly string[]>

export interface WrongOption {
  readonly name: OptionName
  readonly problem: string
}

/** Takes the text of each option that was given, a list of texts for a list; gives their values. */
export function checkedOptions(texts: OptionTexts): {
  readonly values: ReadonlyMap<OptionName, unknown>
  readonly wrong: readonly WrongOption[]
} {
  const values = new Map<OptionName, unknown>()
  const wrong: WrongOption[] = []
  for (const [name, text] of texts) {
    const parsed = [text].flat().map(one => {
      const found = parseOption(OPTIONS[name], one)
      if ('value' in found) return found.value
      wrong.push({ name, problem: found.problem.replaceAll(one, () => masked('', one)) })
      return undefined
    })
    values.set(name, OPTIONS[name].type === 'list' ? parsed : parsed[0])
  }
  if (wrong.length === 0) wrong.push(...contradictions(values))
  return { values, wrong }
}

function contradictions(values: ReadonlyMap<OptionName, unknown>): WrongOption[] {
  const found: WrongOption[] = []
  const together = (name: OptionName, other: OptionName, problem: string) => {
    if (values.get(name) && values.get(other)) found.push({ name, problem })
  }
  together('quiet', 'verbose', 'contradicts -v')
  together('quiet', 'debug', 'contradicts --debug')
  const from = values.get('from') as StartOffset | undefined
  const to = values.get('to') as number | undefined
  if (typeof from === 'object' && to !== undefined && to <= from.time)
    found.push({ name: 'to', problem: 'is not later than --from' })
  return found
}
