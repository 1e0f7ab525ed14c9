/** One option of a plugin, as yargs describes options, plain data only. */
export interface PluginOption {
  readonly type: 'string' | 'number' | 'boolean' | 'array'
  readonly default?: string | number | boolean | readonly string[]
  readonly describe?: string
  readonly choices?: readonly (string | number)[]
  readonly alias?: string | readonly string[]
  readonly demandOption?: boolean
}

export type PluginOptions = Readonly<Record<string, PluginOption>>
