/** Why a plugin could not be started, for its user. */
import { DfspError } from '../errors.ts'
import { faultLine } from './fault.ts'
import type { PluginFault } from './messages.ts'

export function loadError(plugin: string, { what, fault }: { what: string; fault: PluginFault }): DfspError {
  const facts = fault.message === what ? [] : [faultLine(fault)]
  const next = /export/.test(what)
    ? 'a plugin is a module whose default export is the processing function: dfsp init plugin shows one'
    : undefined
  return new DfspError('E_PLUGIN', `${plugin} ${what}`, { facts, next, cause: fault.stack })
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
