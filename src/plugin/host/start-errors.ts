/** Why a plugin could not be started, for its user. */

import { DfspError } from '../../base/errors.ts'
import { E_ENVIRONMENT } from '../../core/environment.ts'
import { faultLine, type PluginFault } from '../../core/plugin-fault.ts'
import type { ThreadState } from './thread-state.ts'

/** Of a thread that ends in this state, which has not become ready. */
export function startError(plugin: string, state: ThreadState, fault: PluginFault): DfspError {
  return state === 'loading'
    ? loadError(plugin, { what: 'failed while it was imported', fault })
    : setupError(plugin, fault)
}

export function loadError(plugin: string, { what, fault }: { what: string; fault: PluginFault }): DfspError {
  const facts = fault.message === what ? [] : [faultLine(fault)]
  return new DfspError('E_PLUGIN', `${plugin} ${what}`, {
    facts,
    next: nextStep(what, fault),
    cause: causeOf(fault),
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

function setupError(plugin: string, fault: PluginFault): DfspError {
  return new DfspError('E_PLUGIN', `${plugin}: setup() failed`, {
    facts: [faultLine(fault)],
    cause: causeOf(fault),
  })
}

/** It ended its thread, or that failed, while it was imported. */
export function exitError(plugin: string, failure: PluginFault | undefined, code: number): DfspError {
  const message = `${plugin} ended its thread while it was imported`
  if (failure !== undefined)
    return new DfspError('E_PLUGIN', message, { facts: [failure.message], cause: causeOf(failure) })
  return new DfspError('E_PLUGIN', message, {
    facts: [`it called process.exit(${code})`],
    next: 'take calls of process.exit out of the module',
  })
}

/** Says whether it is the environment's; else the stack alone. */
function causeOf({ message, stack, environment }: PluginFault): unknown {
  return environment ? Object.assign(new Error(message), { code: E_ENVIRONMENT, stack }) : stack
}
