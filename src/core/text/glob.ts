/**
 * Patterns for the paths of files, as shells write them: `*` and `?` stay within one name, `**` crosses folders,
 * `[a-c]`, `[!a]` and `{csv,tif}` as usual, a backslash takes the next character as it is.
 *
 * A pattern means a file by its whole path, a folder with everything below it, or, without a slash, a file name
 * in any folder.
 *
 * A path is gone through once, with all places of the pattern that it may be at: paths come from a topic, and one that is
 * made for it would keep a regular expression busy for hours (`*a*a*a*b` and a long row of a's).
 */

/** What is wrong with the pattern, where it cannot be read. */
export type Glob = ((path: string) => boolean) | { readonly problem: string }

export function glob(pattern: string): Glob {
  const wanted = pattern.replace(/^\.\//, '').replace(/\/+$/, '')
  if (wanted === '') return { problem: 'is empty' }
  const parts = partsOf([...wanted])
  if ('problem' in parts) return parts
  const anywhere = wanted.includes('/') ? [] : [FOLDERS]
  return matcher([
    [...anywhere, ...parts],
    [...parts, SLASH, { many: ANY }],
  ])
}

/** Whether the pattern means exactly the path that it spells. */
export function isPlain(pattern: string): boolean {
  return !/[*?[{\\]/.test(pattern)
}

/** The pattern that means this path and no other. */
export function literal(path: string): string {
  return path.replaceAll(/[*?[{\\]/g, '\\$&')
}

type Accepts = (c: string) => boolean

/** One character, any number of them, or one of several rows of parts. */
type Part = { readonly one: Accepts } | { readonly many: Accepts } | { readonly either: readonly Part[][] }

const ANY: Accepts = () => true
const NO_SLASH: Accepts = c => c !== '/'
const SLASH: Part = { one: c => c === '/' }
/** No folder, or some. */
const FOLDERS: Part = { either: [[], [{ many: ANY }, SLASH]] }

function partsOf(pattern: readonly string[]): Part[] | { readonly problem: string } {
  /** Rows that are open: of each `{` its rows so far, the last of them being written. */
  const open: Part[][][] = []
  const top: Part[] = []
  let row = top
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (c === '*' && pattern[i + 1] === '*') {
      const isFolder = (i === 0 || pattern[i - 1] === '/') && pattern[i + 2] === '/'
      row.push(isFolder ? FOLDERS : { many: ANY })
      i += isFolder ? 2 : 1
    } else if (c === '*') row.push({ many: NO_SLASH })
    else if (c === '?') row.push({ one: NO_SLASH })
    else if (c === '[') {
      const end = pattern.indexOf(']', i + (/[!^]/.test(pattern[i + 1] ?? '') ? 3 : 2))
      if (end === -1) return { problem: 'has a [ without its ]' }
      const accepts = classOf(pattern.slice(i + 1, end).join(''))
      if (typeof accepts !== 'function') return accepts
      row.push({ one: accepts })
      i = end
    } else if (c === '{') {
      const either: Part[][] = [[]]
      row.push({ either })
      open.push(either)
      row = either[0] as Part[]
    } else if (c === '}' && open.length > 0) {
      open.pop()
      row = rowOf(open, top)
    } else if (c === ',' && open.length > 0) {
      open.at(-1)?.push([])
      row = rowOf(open, top)
    } else {
      const wanted = c === '\\' && i + 1 < pattern.length ? (pattern[++i] as string) : c
      row.push({ one: other => other === wanted })
    }
  }
  return open.length === 0 ? top : { problem: 'has a { without its }' }
}

function rowOf(open: readonly Part[][][], top: Part[]): Part[] {
  return open.at(-1)?.at(-1) ?? top
}

function classOf(inside: string): Accepts | { readonly problem: string } {
  const negated = /^[!^]/.test(inside)
  const set = inside.slice(negated ? 1 : 0).replaceAll(/[\\\][&^~|]/g, '\\$&')
  try {
    const one = new RegExp(`^[${negated ? '^' : ''}${set}]$`, 'su')
    return c => c !== '/' && one.test(c)
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** A place in the pattern: which character leads on from it; without one it is passed at once. */
interface State {
  readonly accepts: Accepts | undefined
  readonly next: number[]
}

function matcher(rows: readonly Part[][]): (path: string) => boolean {
  const states: State[] = []
  const state = (accepts: Accepts | undefined, next: number[]) => states.push({ accepts, next }) - 1
  const end = state(undefined, [])

  /** Where a row begins that goes on at `next`. */
  function begin(row: readonly Part[], next: number): number {
    return row.reduceRight((after, part) => {
      if ('one' in part) return state(part.one, [after])
      if ('either' in part) {
        const begins = part.either.map(each => begin(each, after))
        return state(undefined, begins)
      }
      const back: number[] = [after]
      const loop = state(undefined, back)
      back.push(state(part.many, [loop]))
      return loop
    }, next)
  }

  const start = begin([{ either: [...rows] }], end)
  const seen = new Uint32Array(states.length) // at which step
  let step = 0

  /** Adds a state to `at`, or those that are reached from it without a character. */
  function enter(each: number, at: State[]): void {
    if (seen[each] === step) return
    seen[each] = step
    const found = states[each] as State
    if (found.accepts !== undefined) at.push(found)
    else for (const further of found.next) enter(further, at)
  }

  return path => {
    seen.fill(0)
    step = 1
    let at: State[] = []
    enter(start, at)
    for (const c of path) {
      step++
      const next: State[] = []
      for (const { accepts, next: further } of at)
        if (accepts?.(c)) for (const each of further) enter(each, next)
      if (next.length === 0 && seen[end] !== step) return false
      at = next
    }
    return seen[end] === step
  }
}
