/**
 * Patterns for the paths of files, as shells write them: `*` and `?` stay within one name, `**` crosses folders,
 * `[a-c]`, `[!a]` and `{csv,tif}` as usual, a backslash takes the next character as it is.
 *
 * A pattern means a file by its whole path, a folder with everything below it, or, without a slash, a file name
 * in any folder.
 */

/** What is wrong with the pattern, where it cannot be read. */
export type Glob = ((path: string) => boolean) | { readonly problem: string }

export function glob(pattern: string): Glob {
  const wanted = pattern.replace(/^\.\//, '').replace(/\/+$/, '')
  if (wanted === '') return { problem: 'is empty' }
  const source = sourceOf(wanted)
  if (typeof source !== 'string') return source
  const anywhere = wanted.includes('/') ? '' : '(?:.*/)?'
  try {
    const whole = new RegExp(`^(?:${anywhere}${source}|${source}/.*)$`, 'su')
    return path => whole.test(path)
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** Whether the pattern means exactly the path that it spells. */
export function isPlain(pattern: string): boolean {
  return !/[*?[{\\]/.test(pattern)
}

function sourceOf(pattern: string): string | { readonly problem: string } {
  let source = ''
  let depth = 0
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (c === '*' && pattern[i + 1] === '*') {
      const isFolder = (i === 0 || pattern[i - 1] === '/') && pattern[i + 2] === '/'
      source += isFolder ? '(?:.*/)?' : '.*'
      i += isFolder ? 2 : 1
    } else if (c === '*') source += '[^/]*'
    else if (c === '?') source += '[^/]'
    else if (c === '[') {
      const end = pattern.indexOf(']', i + (/[!^]/.test(pattern[i + 1] ?? '') ? 3 : 2))
      if (end === -1) return { problem: 'has a [ without its ]' }
      const inside = pattern.slice(i + 1, end)
      const negated = /^[!^]/.test(inside)
      source += `(?!/)[${negated ? '^' : ''}${inside.slice(negated ? 1 : 0).replaceAll(/[\\\][&^~|]/g, '\\$&')}]`
      i = end
    } else if (c === '{') {
      depth++
      source += '(?:'
    } else if (c === '}' && depth > 0) {
      depth--
      source += ')'
    } else if (c === ',' && depth > 0) source += '|'
    else if (c === '\\' && i + 1 < pattern.length) source += literal(pattern[++i] as string)
    else source += literal(c)
  }
  return depth === 0 ? source : { problem: 'has a { without its }' }
}

function literal(c: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c
}
