/** Why a plugin could not be started, for its user. */

import { DfspError } from '../../base/errors.ts'
import { faultLine, type PluginFault } from '../../core/plugin-fault.ts'

export function loadError(plugin: string, { what, fault }: { what: string; fault: PluginFault }): DfspError {
  const facts = fault.message === what ? [] : [faultLine(fault)]
  return new DfspError('E_PLUGIN', `${plugin} ${what}`, {
    facts,
    next: nextStep(what, fault),
    cause: fault.stack,
  })
}

function nextStep(what: string, { message }: PluginFault): string | undefined {
  if (/default(?: export|,)/.test(what))
    return 'the default export of a plugin is its function: export default async (file, ctx) => { … return null }   dfsp init plugin writes one'
  if (/ES module/.test(what))
    return 'rename it to .mjs (TypeScript: .mts), or put "type": "module" into the package.json of its folder'
  if (/imports TypeScript/.test(what))
    return 'rename it to .ts (.mts for .mjs), so that all of it is compiled'
  const [, name] =
    /^Cannot find (?:package|module) '(?!file:)((?:@[^/']+\/)?[^@./'][^/']*)/.exec(message) ?? []
  return name && `npm install ${name}   in the folder of the plugin`
}

export function setupError(plugin: string, fault: PluginFault): DfspError {
  return new DfspError('E_PLUGIN', `${plugin}: setup() failed`, {
    facts: [faultLine(fault)],
    cause: fault.stack,
  })
}

export function exitError(plugin: string, ending: string | undefined, code: number): DfspError {
  return new DfspError('E_PLUGIN', `${plugin} ended its thread while it was imported`, {
    facts: [ending ?? `it called process.exit(${code})`],
    next: 'take calls of process.exit out of the module',
  })
}
