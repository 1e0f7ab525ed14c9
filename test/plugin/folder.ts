/** Plugins written at run time: broken ones, and CommonJS ones that the project's own compiler settings forbid. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** Writes files into a new folder, removed after the test; returns the `file:` URL of each. */
export function folderOf<Name extends string>(
  t: { after(work: () => void): void },
  files: Readonly<Record<Name, string>>,
): Record<Name, string> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dfsp-plugin-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const urls = Object.entries<string>(files).map(([name, text]) => {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
    return [name, pathToFileURL(file).href]
  })
  return Object.fromEntries(urls)
}
