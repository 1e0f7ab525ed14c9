/** The user's home folder: `$HOME`, else what the system knows of the account, which a bare uid has nothing of. */
import { homedir } from 'node:os'
import { isAbsolute } from 'node:path'

export function homeFolder(env: NodeJS.ProcessEnv): string | undefined {
  const own = env.HOME ?? known()
  return own !== undefined && isAbsolute(own) ? own : undefined
}

function known(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
