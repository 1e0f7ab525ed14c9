/** Settings as a call with these flags, variables and config file has them. */
import { readIni } from '../../src/config/file/ini.ts'
import type { CommandName } from '../../src/config/options/option-spec.ts'
import type { OptionName, Values } from '../../src/config/options/options.ts'
import type { SecretFiles } from '../../src/config/secret-files.ts'
import { mergeSettings } from '../../src/config/settings.ts'
import type { Settings } from '../../src/config/settings-type.ts'
import { findProperty, nearestProperty, propertyProblem } from '../../src/kafka/properties.ts'

export interface Given {
  readonly command?: CommandName
  /** The text of dfsp.config. */
  readonly file?: string
  readonly env?: NodeJS.ProcessEnv
  readonly secretFiles?: SecretFiles
  readonly flags?: Partial<Record<OptionName, string | readonly string[]>>
}

export function merge({
  command = 'run',
  file,
  env = {},
  secretFiles = new Map(),
  flags = {},
}: Given): Settings {
  return mergeSettings({
    command,
    env,
    secretFiles,
    file:
      file === undefined ? undefined : { path: '/lab/dfsp.config', shown: 'dfsp.config', ini: readIni(file) },
    flags: new Map(
      Object.entries(flags).map(([name, texts]) => [
        name as OptionName,
        [texts].flat().map(text => ({ spelling: name, text })),
      ]),
    ),
    knowledge: { find: findProperty, nearest: nearestProperty, problem: propertyProblem },
    notices: [],
  })
}

/** The values of a call without any. */
export const DEFAULT_VALUES: Values = merge({}).values
