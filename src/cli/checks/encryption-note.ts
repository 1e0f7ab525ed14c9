import { encryptionNote } from '../../config/encryption.ts'
import type { Settings } from '../../config/settings-type.ts'
import type { Invocation } from '../command.ts'

/** What a command that only reads says of a config that asks for encryption, before it begins. */
export function tellEncryption(settings: Settings, { stderr }: Invocation): void {
  const note = encryptionNote(settings)
  if (note !== undefined) stderr.write(`note ${note}\n`)
}
