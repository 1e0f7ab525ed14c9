/**
 * Second step of the build: what bin/dfsp.js loads, in a few files instead of some hundred. `dfsp run` starts a third
 * sooner for it. The modules in dist/ stay as they are, for the plugin's thread, for types and for whoever imports them.
 *
 *     node scripts/bundle.mjs
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = path.join(root, 'src')

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts', worker: 'src/plugin/worker/worker.ts' },
  outdir: 'dist/bundle',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  // Has a binary of its own; compiles in the plugin's thread; chosen by the user.
  external: ['@confluentinc/kafka-javascript', 'tsx', '@aws-sdk/*'],
  // CommonJS packages call it.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  plugins: [
    { name: 'own-places', setup: keepPlaces },
    { name: 'unused', setup: leaveOut },
  ],
  metafile: true,
  logLevel: 'warning',
})
writeFileSync(path.join(root, 'dist/bundle/LICENSES.txt'), licenses(Object.keys(metafile.inputs)))

/** A module that looks for a file beside itself finds it beside its compiled self, wherever the bundler puts its code;
 * the plugin's thread is in the bundle, too. */
function keepPlaces(bundler) {
  bundler.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
    if (!file.startsWith(source)) return undefined
    const home = `../${path.relative(source, file).replace(/\.ts$/, '.js').split(path.sep).join('/')}`
    const contents = readFileSync(file, 'utf8').replace("'../worker/worker.js'", "'../../bundle/worker.js'")
    const place = `new URL(${JSON.stringify(home)}, import.meta.url).href`
    return { loader: 'ts', contents: contents.replaceAll('import.meta.url', place) }
  })
}

/** yargs draws its own help with it, which dfsp does not use; to load it takes 20 ms, before anything else can begin. */
function leaveOut(bundler) {
  bundler.onResolve({ filter: /^cliui$/ }, () => ({ path: 'cliui', namespace: 'unused' }))
  bundler.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'export default undefined' }))
}

/** Of the packages whose code is in the bundle. */
function licenses(inputs) {
  const folders = new Set(
    inputs.flatMap(input => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []),
  )
  return [...folders].sort().map(licenseOf).join('\n\n')
}

function licenseOf(folder) {
  const at = path.join(root, folder)
  const { name, version, license } = JSON.parse(readFileSync(path.join(at, 'package.json'), 'utf8'))
  const file = existsSync(at) ? readdirSync(at).find(entry => /^licen[cs]e/i.test(entry)) : undefined
  const text = file === undefined ? '' : `\n\n${readFileSync(path.join(at, file), 'utf8').trim()}`
  return `${name} ${version} (${license})${text}`
}
