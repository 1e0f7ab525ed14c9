/**
 * Encryption of records by KafkaCrypto, which dfsp does not have. A config that asks for it gets no producer: its files
 * would go out in plain text.
 */

import { DfspError } from '../base/errors.ts'
import { nearest } from '../core/text/nearest.ts'
import type { ConfigFile } from './file/config-file.ts'
import { SECTIONS } from './file/openmsistream.ts'
import type { PropertyMap, Settings } from './settings-type.ts'

const SECTION = 'kafkacrypto'
/** Of KafkaCrypto's own file of a node: no other program's section has these. */
const KEYS_OF_ITS_FILE = ['cryptokey', 'ratchet', 'chainkeys']

/** "dfsp.config:3: [kafkacrypto]": where the file asks that records be encrypted; undefined where it does not. */
export function encryptionAsked(file: ConfigFile | undefined): string | undefined {
  for (const [name, entries] of file?.ini.sections ?? []) {
    const isItsFile = KEYS_OF_ITS_FILE.some(key => entries.has(key))
    if (isNamedSo(name) || isItsFile) return `${file?.shown}:${file?.ini.headers.get(name)}: [${name}]`
  }
  return undefined
}

/** Also with other capitals, blanks, a slip or an addition: what is taken for a plugin's section protects nothing. */
function isNamedSo(section: string): boolean {
  const plain = section.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  return plain.includes('kafkacrypt') || nearest(plain, SECTIONS) === SECTION
}

/** Of a command that sends something, or may: throws E_ENCRYPTION where the config asks that it be encrypted. */
export function refuseEncryption({ encryption }: Settings): void {
  if (encryption !== undefined) throw encryptionError(encryption)
}

export function encryptionError(place: string): DfspError {
  return new DfspError('E_ENCRYPTION', `${place} asks for encryption, which is not built in`, {
    facts: [
      'what is sent would go out in plain text, so nothing is sent',
      'records that KafkaCrypto encrypted cannot be read',
    ],
    next: 'OpenMSIStream for topics that are encrypted; for others a config file without that section',
  })
}

/** Of a command that only reads; undefined where nothing is to be said. */
export function encryptionNote({ encryption }: Settings): string | undefined {
  if (encryption === undefined) return undefined
  return `${encryption}: dfsp does not decrypt: records that KafkaCrypto encrypted cannot be read, and count as undecodable`
}

/** What a producer may be made with, `own` on top; throws E_ENCRYPTION. The only way to a producer's properties. */
export function producerProperties(settings: Settings, own: PropertyMap = {}): PropertyMap {
  refuseEncryption(settings)
  return { ...settings.kafka.producer, ...own }
}
