/** Settings in the form in which they are shown: a list of texts with their origins, secrets masked. */
import { optionText } from '../../config/options/option-text.ts'
import { OPTION_NAMES, optionSpec, valueName } from '../../config/options/options.ts'
import { masked } from '../../config/secrets.ts'
import type { PropertyMap, Settings } from '../../config/settings-type.ts'

export interface Shown {
  /** As the config file would call it; `broker` is what consumers and producers share. */
  readonly section: string
  readonly name: string
  readonly value: string
  readonly origin: string
}

/** Options, librdkafka's properties, then the sections of plugins; what is not set is left out. */
export function shownSettings(settings: Settings, reveal: boolean): readonly Shown[] {
  const { values, origins, kafka, sections } = settings
  const text = (name: string, value: string) => (reveal ? value : masked(name, value))
  const options = OPTION_NAMES.flatMap((name): Shown[] => {
    const spec = optionSpec(name)
    const value = values[valueName(name)]
    if (value === undefined || spec.flagOnly) return []
    const shown = text(name, optionText(spec, value))
    return [{ section: 'dfsp', name, value: shown, origin: origins.get(name) ?? 'default' }]
  })

  const properties = (section: string, client: 'common' | 'consumer' | 'producer') =>
    Object.entries(kafka[client])
      .filter(([name, value]) => client === 'common' || kafka.common[name] !== value)
      .map(([name, value]): Shown => {
        return {
          section,
          name,
          value: text(name, value),
          origin: origins.get(`${client}/${name}`) ?? 'default',
        }
      })

  const own = ([section, entries]: [string, PropertyMap]) =>
    Object.entries(entries).map(([name, value]): Shown => {
      const origin = origins.get(`${section}/${name}`) ?? 'default'
      return { section, name, value: text(name, value), origin }
    })

  return [
    ...options,
    ...properties('broker', 'common'),
    ...properties('consumer', 'consumer'),
    ...properties('producer', 'producer'),
    ...Object.entries(sections)
      .filter(([name]) => !['dfsp', 'broker', 'consumer', 'producer'].includes(name))
      .flatMap(own),
  ]
}
