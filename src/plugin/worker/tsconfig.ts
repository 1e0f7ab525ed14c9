/** Which tsconfig.json a plugin's TypeScript is compiled by: the nearest one above its file, wherever dfsp was started. */
import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { glob } from '../../core/text/glob.ts'

export interface Tsconfig {
  readonly file: string
  /** With those of the files that it extends. */
  readonly compilerOptions: object
  /** On settings that ask for what is not done. */
  readonly warnings: readonly string[]
}

/** A tsconfig.json that cannot be used; its message begins with file and line. */
export class TsconfigError extends Error {}

interface Content {
  readonly extends?: string | readonly string[]
  readonly files?: readonly string[]
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  readonly references?: readonly { readonly path?: string }[]
  readonly compilerOptions?: { readonly emitDecoratorMetadata?: boolean; readonly jsx?: string }
}

/** Throws a TsconfigError. */
export function tsconfigOf(plugin: string): Tsconfig | undefined {
  const nearest = nearestAbove(plugin)
  if (nearest === undefined) return undefined
  const file = referenced(nearest, plugin)
  const compilerOptions = Object.assign({}, ...chainOf(file).map(content => content.compilerOptions))
  return {
    file,
    compilerOptions,
    warnings:
      compilerOptions.emitDecoratorMetadata === true
        ? [`${shownTsconfig(file)}: emitDecoratorMetadata has no effect: types are removed, not looked at`]
        : [],
  }
}

function nearestAbove(file: string): string | undefined {
  const folder = path.dirname(file)
  const here = path.join(folder, 'tsconfig.json')
  if (isFile(here)) return here
  return folder === file ? undefined : nearestAbove(folder)
}

/** A tsconfig.json with nothing but references stands for those: the first one that the plugin belongs to. */
function referenced(file: string, plugin: string): string {
  const { files, include, references = [] } = read(file)
  if (files?.length !== 0 || include !== undefined) return file
  const others = references
    .map(({ path: to = '' }) => path.resolve(path.dirname(file), to))
    .map(to => (isFile(to) ? to : path.join(to, 'tsconfig.json')))
  return others.find(other => isFile(other) && includes(other, plugin)) ?? file
}

function includes(file: string, plugin: string): boolean {
  const { files, include = files === undefined ? ['**'] : [], exclude = [] } = read(file)
  const relative = path.relative(path.dirname(file), plugin)
  const matches = (pattern: string) => {
    const means = glob(pattern)
    return typeof means === 'function' && means(relative)
  }
  return (
    files?.some(name => path.normalize(name) === relative) ||
    (include.some(matches) && !exclude.some(matches))
  )
}

/** What the file extends, and so on, and itself last. Those of packages are left to tsx. */
function chainOf(file: string, below: readonly string[] = []): Content[] {
  const content = read(file)
  const parents = [content.extends ?? []]
    .flat()
    .filter(parent => typeof parent === 'string' && (/^\.{0,2}\//.test(parent) || path.isAbsolute(parent)))
  return [
    ...parents.flatMap(parent => {
      const at = path.resolve(path.dirname(file), parent)
      const found = [at, `${at}.json`, path.join(at, 'tsconfig.json')].find(isFile)
      if (found === undefined)
        throw new TsconfigError(`${shownTsconfig(file)} extends ${parent}, which does not exist`)
      if (below.includes(found))
        throw new TsconfigError(`${shownTsconfig(file)} extends ${parent}, which extends it`)
      return chainOf(found, [...below, file])
    }),
    content,
  ]
}

function read(file: string): Content {
  const text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  try {
    const content = JSON.parse(plainJson(text) || '{}')
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content
  } catch {
    throw new TsconfigError(`${shownTsconfig(file)}${whyBroken(text) ?? ' is no JSON'}`)
  }
  throw new TsconfigError(`${shownTsconfig(file)}:1 is no JSON object`)
}

/** Without comments and without a comma before a closing bracket. */
function plainJson(text: string): string {
  const string = String.raw`"(?:\\.|[^"\\\n])*"`
  const kept = (found: string) => (found.startsWith('"') ? found : '')
  return text
    .replace(new RegExp(String.raw`${string}|//.*|/\*[^]*?\*/`, 'g'), kept)
    .replace(new RegExp(String.raw`${string}|,(?=\s*[}\]])`, 'g'), kept)
    .trim()
}

/** JSON.parse does not always say where: esbuild, with which tsx compiles, does. */
function whyBroken(text: string): string | undefined {
  try {
    const { transformSync } = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild')
    transformSync('', { loader: 'ts', tsconfigRaw: text, logLevel: 'silent' })
    return undefined
  } catch (error) {
    const [first] =
      (error as { errors?: { text: string; location?: { line: number; column: number } }[] }).errors ?? []
    return first && `:${first.location?.line}:${first.location?.column} ${first.text}`
  }
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true
}

/** With its folder, since a project has many of that name. */
export function shownTsconfig(file: string): string {
  return path.join(path.basename(path.dirname(file)), path.basename(file))
}
