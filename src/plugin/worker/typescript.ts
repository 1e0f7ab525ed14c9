/** Loads TypeScript and JSX, which tsx compiles in the thread that runs it. */
import { existsSync, readFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { shownTsconfig, TsconfigError, tsconfigOf } from './tsconfig.ts'

export interface Compiled {
  /** As `import()` gives them. */
  readonly exports: Record<string, unknown>
  readonly warnings: readonly string[]
}

export function isTypeScript(file: string): boolean {
  return /\.(?:[cm]?ts|tsx|jsx)$/.test(file)
}

const NO_TSCONFIG = { file: undefined, compilerOptions: {}, warnings: [] }

/** Throws what the module throws, and a TsconfigError. */
export async function importTypeScript(file: string): Promise<Compiled> {
  const { file: tsconfig, compilerOptions, warnings } = tsconfigOf(file) ?? NO_TSCONFIG
  const kind = kindOf(file)
  await compileRequired(file, tsconfig)
  // tsx takes what follows a ? for a query, even where a file is required.
  const isQueryLike = file.includes('?')
  if (kind !== 'module' && !isQueryLike) {
    beforeFirstImport(() => compileImported(tsconfig))
    try {
      return { exports: { default: createRequire(file)(file) }, warnings }
    } catch (error) {
      // Without a package.json that settles it, a file may be either; most are CommonJS to tsx, and start faster so.
      if (kind === 'commonjs' || !needsModule(error)) throw error
    }
  }
  if (isQueryLike ? kind !== 'commonjs' : kind === 'untyped') asModules()
  compileImported(tsconfig)
  if (isQueryLike) compileQueryLike(compilerOptions, kind !== 'commonjs')
  return { exports: await import(pathToFileURL(file).href), warnings }
}

/** What a CommonJS module cannot do: await at the top level, require what can only be imported. */
export function needsModule(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '', message } = error as NodeJS.ErrnoException
  return (
    /^ERR_(?:PACKAGE_PATH_NOT_EXPORTED|REQUIRE_(?:ESM|ASYNC_MODULE))$/.test(code) ||
    /Top-level await is currently not supported/.test(message)
  )
}

/** By Node's rule: the file's extension, else the `type` of the nearest package.json. */
function kindOf(file: string): 'module' | 'commonjs' | 'untyped' {
  if (/\.[cm]ts$/.test(file)) return file.endsWith('.mts') ? 'module' : 'commonjs'
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json')
    if (existsSync(manifest)) return typeOf(manifest)
    if (folder === path.dirname(folder)) return 'untyped'
  }
}

function typeOf(manifest: string): 'module' | 'commonjs' | 'untyped' {
  const text = readFileSync(manifest, 'utf8')
  try {
    const { type } = JSON.parse(text)
    return type === 'module' || type === 'commonjs' ? type : 'untyped'
  } catch (error) {
    throw new Error(`${manifest} is no JSON: ${(error as Error).message}`)
  }
}

/** Of tsx's two halves, the one for what is required: also an `import` of a CommonJS module. */
async function compileRequired(file: string, tsconfig: string | undefined): Promise<void> {
  const { register } = await import('tsx/cjs/api')
  const { cwd, env } = process
  const { TSX_TSCONFIG_PATH: given } = env
  // It takes the file that this variable names, or else looks above the working directory, which is not the plugin's.
  if (tsconfig === undefined) process.cwd = () => path.dirname(file)
  else env.TSX_TSCONFIG_PATH = tsconfig
  try {
    register()
  } catch (error) {
    throw new TsconfigError(`${tsconfig && shownTsconfig(tsconfig)}: ${(error as Error).message}`)
  } finally {
    process.cwd = cwd
    if (given === undefined) delete env.TSX_TSCONFIG_PATH
    else env.TSX_TSCONFIG_PATH = given
  }
}

/** The other half, for what is imported. It starts a thread, which takes 0.1 s. */
function compileImported(tsconfig: string | undefined): void {
  Module.register('tsx/esm', import.meta.url, { data: { tsconfig: tsconfig ?? false } })
}

/** Calls `work` before a module that is not a package's, and has an `import()` in it, can run that. */
function beforeFirstImport(work: () => void): void {
  const prototype = Module.prototype as unknown as {
    _compile(code: string, file: string, ...rest: unknown[]): unknown
  }
  const compile = prototype._compile
  prototype._compile = function (code, file, ...rest) {
    if (/\bimport\s*\(/.test(code) && !file.includes('/node_modules/')) {
      prototype._compile = compile
      work()
    }
    return compile.call(this, code, file, ...rest)
  }
}

/** From now on, a .ts that may be either is an ES module. tsx asks what is registered before it. */
function asModules(): void {
  const hook = `export async function resolve(specifier, context, next) {
    const found = await next(specifier, context)
    const isOwn = /\\.(?:ts|tsx|jsx)(?:[?#]|$)/.test(found.url) && !found.url.includes('/node_modules/')
    return isOwn ? { ...found, format: 'module' } : found
  }`
  Module.register(`data:text/javascript,${encodeURIComponent(hook)}`)
}

/** Files with a ? in their path: tsx finds them, but takes them for JavaScript, since it looks for their extension before the ?. */
function compileQueryLike(compilerOptions: object, isModule: boolean): void {
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const hook = `import { readFile } from 'node:fs/promises'
    import { createRequire } from 'node:module'
    import { fileURLToPath } from 'node:url'
    const { transform } = createRequire(${JSON.stringify(tsx)})('esbuild')
    const tsconfigRaw = ${JSON.stringify({ compilerOptions })}
    export async function load(url, context, next) {
      const [, c, loader] = /%3F.*\\.([cm]?)(ts|tsx|jsx|json)(?:[?#]|$)/.exec(url) ?? []
      if (loader === undefined) return next(url, context)
      const isCommon = c === 'c' || (loader === 'json' ? ${!isModule} : context.format?.startsWith('commonjs'))
      const { code } = await transform(await readFile(fileURLToPath(url)), {
        loader, tsconfigRaw, platform: 'node', sourcefile: url, sourcemap: 'inline', sourcesContent: false,
        format: isCommon ? 'cjs' : 'esm', target: 'node' + process.versions.node, logLevel: 'silent',
      })
      return { format: isCommon ? 'commonjs' : 'module', source: code, shortCircuit: true }
    }`
  Module.register(`data:text/javascript,${encodeURIComponent(hook)}`)
}
