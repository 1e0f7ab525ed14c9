/** The files that a plugin consists of: its module, and what that imports by relative paths, and so on. */
import fs from 'node:fs'
import path from 'node:path'

/** `from './x.ts'`, `import './x.ts'`, `import('./x.ts')`, `require('./x')`. One in a comment does no harm. */
const RELATIVE = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*(['"])(\.{1,2}\/[^'"\n]+)\1/g
const ENDINGS = ['ts', 'tsx', 'mts', 'cts', 'js', 'jsx', 'mjs', 'cjs', 'json']
const EXTENSIONS = ['', ...ENDINGS.map(ending => `.${ending}`), ...ENDINGS.map(ending => `/index.${ending}`)]

/** Absolute paths, the module itself first. What does not exist is left out. */
export function moduleFiles(file: string): string[] {
  const found = new Set<string>()
  const visit = (at: string) => {
    if (found.has(at)) return
    found.add(at)
    for (const [, , specifier = ''] of textOf(at).matchAll(RELATIVE)) {
      const next = resolved(path.resolve(path.dirname(at), specifier))
      if (next !== undefined) visit(next)
    }
  }
  visit(path.resolve(file))
  return [...found]
}

function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return '' // it is just being written anew
  }
}

/** As tsx finds it: as it is written, with another extension (`./x.js` may be x.ts), or as a folder. */
function resolved(target: string): string | undefined {
  const asTypeScript = target.replace(/\.([cm]?)js(x?)$/, '.$1ts$2')
  return [target, asTypeScript]
    .flatMap(name => EXTENSIONS.map(extension => name + extension))
    .find(name => fs.statSync(name, { throwIfNoEntry: false })?.isFile())
}
