/** What a plugin's author imports, as types only: `import type { Context, DataFile } from 'dfsp'`. */
export type {
  Context,
  DataFile,
  Logger,
  MismatchInfo,
  OutgoingRecord,
  PluginConfig,
  PluginOption,
  PluginOptions,
  ProcessFile,
  UndecodableInfo,
} from './plugin/plugin.ts'
