/** Files that hold one value each, as containers mount secrets: DFSP_KAFKA_SASL_PASSWORD_FILE=/run/secrets/password. */
import { readGivenFile } from './file/given-file.ts'

/** By variable: the content, without the line end behind it, or why it cannot be read. */
export type SecretFiles = ReadonlyMap<string, string | Error>

/** Reads all that the environment names. */
export async function readSecretFiles(env: NodeJS.ProcessEnv): Promise<SecretFiles> {
  const files = new Map<string, string | Error>()
  for (const [variable, path] of Object.entries(env)) {
    if (!path || !/^DFSP_KAFKA_.+_FILE$/i.test(variable)) continue
    files.set(
      variable,
      await readGivenFile(path).then(
        bytes => bytes.toString().replace(/\r?\n$/, ''),
        (error: Error) => error,
      ),
    )
  }
  return files
}
