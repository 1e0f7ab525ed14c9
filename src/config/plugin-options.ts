/** Options that a plugin declares (`export const options`): plain data, in yargs' words. */

export interface PluginOption {
  readonly type: 'string' | 'number' | 'boolean' | 'array'
  readonly describe?: string
  readonly default?: PluginOptionValue
  readonly choices?: readonly (string | number)[]
  readonly alias?: string | readonly string[]
  readonly demandOption?: boolean
}

export type PluginOptionValue = string | number | boolean | readonly string[]

/** What a plugin declares, with the file name under which the help lists it ("plot.ts"). */
export interface PluginOptions {
  readonly file: string
  readonly options: Readonly<Record<string, PluginOption>>
}

export type PluginOptionValues = Readonly<Record<string, PluginOptionValue | undefined>>
