/** Values without which a command cannot start; the error says where they were looked for. */
import { DfspError } from '../../base/errors.ts'
import type { Settings } from '../settings-type.ts'
import type { CommandName, OptionSpec } from './option-spec.ts'
import { environmentName, type OptionName, optionSpec, valueName } from './options.ts'

type TextOption = 'plugin' | 'topic'

/** The value of an option that has no default; throws E_USAGE where it is not given. */
export function requireValue(settings: Settings, name: TextOption, example: string): string {
  const value = settings.values[valueName(name)]
  if (typeof value === 'string') return value
  throw new DfspError('E_USAGE', `no ${name} given`, { facts: [lookedAt(settings, name)], next: example })
}

/** bootstrap.servers; throws E_NO_BROKER where nothing names one. */
export function requireBrokers(settings: Settings, command: CommandName): string {
  if (settings.values.brokers !== undefined) return settings.values.brokers
  throw new DfspError('E_NO_BROKER', 'no broker given', {
    facts: [`${lookedAt(settings, 'brokers')}, [broker] bootstrap.servers`],
    next: `dfsp ${command === 'config' ? 'config check --connect' : command} -b localhost:9092 …, or see it work without Kafka: dfsp demo`,
  })
}

function lookedAt({ configFile }: Settings, name: OptionName): string {
  const { alias }: OptionSpec = optionSpec(name)
  const file = configFile === undefined ? 'no config file found' : `[dfsp] ${name} in ${configFile}`
  return `looked at ${alias === undefined ? `--${name}` : `-${alias}`}, ${environmentName(name)}, ${file}`
}
