/** The last word on all options: from text to values, and what goes together. Loads zod, so load it late. */
import * as z from 'zod'
import type { OptionSpec, Start } from './option-spec.ts'
import { parseOption } from './option-value.ts'
import { OPTIONS } from './options.ts'

function optionSchema(spec: OptionSpec) {
  const one = z.string().transform((text, context) => {
    const parsed = parseOption(spec, text)
    if ('value' in parsed) return parsed.value
    context.addIssue({ code: 'custom', message: parsed.problem })
    return z.NEVER
  })
  return spec.type === 'list' ? z.array(one) : one.optional()
}

/** Takes the text of each option by its long name, a list of texts for a list; gives its value. */
export const optionsSchema = z
  .strictObject(Object.fromEntries(Object.entries(OPTIONS).map(([name, spec]) => [name, optionSchema(spec)])))
  .superRefine((values, context) => {
    const together = (name: string, other: string, message: string) => {
      if (values[name] && values[other]) context.addIssue({ code: 'custom', path: [name], message })
    }
    together('quiet', 'verbose', 'contradicts -v')
    together('quiet', 'debug', 'contradicts --debug')
    const { from, to } = values as { from?: Start; to?: number }
    if (typeof from === 'object' && to !== undefined && to <= from.time)
      context.addIssue({ code: 'custom', path: ['to'], message: 'is not later than --from' })
  })
