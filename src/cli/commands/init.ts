/** `dfsp init`: what one would otherwise write by hand, to start from. */
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { DfspError } from '../../base/errors.ts'
import { meant } from '../../config/problems.ts'
import type { Settings } from '../../config/settings-type.ts'
import { nearest } from '../../core/text/nearest.ts'
import type { Command, Invocation } from '../command.ts'
import { composeFiles } from '../init/compose-files.ts'
import { initSystemd } from '../init/init-systemd.ts'
import { kubernetesFiles } from '../init/kubernetes-files.ts'
import { announce, type NewFile, writeNew } from '../init/new-files.ts'
import { pluginTemplate, pluginTestTemplate, SAMPLES } from '../init/templates.ts'

interface Call {
  readonly invocation: Invocation
  readonly settings: Settings
  readonly name: string
}

const KINDS: Readonly<Record<string, (call: Call) => Promise<void>>> = {
  plugin: initPlugin,
  config: initConfig,
  systemd: ({ invocation, settings, name }) => initSystemd(invocation, settings.values, name),
  compose: initCompose,
  kubernetes: initKubernetes,
}

export const command: Command = {
  name: 'init',
  describe:
    'Writes what to start from: plugin (with a test, samples and a config file) and config into this folder; systemd prints a service and a timer for a plugin here, or puts them in their place with --install; compose writes compose.yaml (a Kafka broker for a laptop, and the plugin) and a Dockerfile; kubernetes writes kubernetes.yaml and a Dockerfile. With --shared the last three are for several processes that share a topic. What exists is left as it is.',
  positionals: [
    { name: 'KIND', describe: 'plugin, config, systemd, compose or kubernetes', required: true },
    { name: 'NAME', describe: 'name of the plugin (default: plot)' },
  ],
  examples: [
    ['dfsp init plugin plot', 'plot.ts, its test, samples/ and dfsp.config'],
    ['dfsp init config', 'dfsp.config alone'],
    ['dfsp init systemd plot -t xrd', 'look at the units for ./plot.ts'],
    ['sudo dfsp init systemd plot -t xrd --install', 'and put them into /etc/systemd/system'],
    ['dfsp init systemd plot -t xrd --user --install', 'for your own account, without root'],
    ['dfsp init systemd plot -t xrd --shared', 'a unit of which any number run, on as many hosts'],
    ['dfsp init compose plot -t xrd', 'compose.yaml, Dockerfile, .dockerignore'],
    ['dfsp init kubernetes plot -t xrd', 'kubernetes.yaml, Dockerfile, .dockerignore'],
  ],
  async run(invocation) {
    const [kind = ''] = invocation.positionals.KIND ?? []
    const [name = 'plot'] = invocation.positionals.NAME ?? []
    const init = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
    if (init === undefined) {
      const kinds = Object.keys(KINDS)
      throw new DfspError('E_USAGE', `dfsp init does not know "${kind}"`, {
        next: meant(nearest(kind, kinds)) ?? `dfsp init ${kinds.join(', ')}`,
      })
    }
    if (!/^[A-Za-z][\w-]*$/.test(name)) {
      throw new DfspError('E_USAGE', `"${name}" cannot name a plugin: letters, digits, - and _`)
    }
    await init({ invocation, settings: await invocation.settings(), name })
    return 0
  },
}

async function initPlugin({ invocation, settings, name }: Call): Promise<void> {
  const samples = Object.entries(SAMPLES).map(([file, text]): NewFile => [`samples/${file}`, text])
  // Its first line runs it: ./plot.ts -t xrd
  const plugin: NewFile = [`${name}.ts`, pluginTemplate(name), 0o755]
  const test: NewFile = [`${name}.test.ts`, pluginTestTemplate(name)]
  const written = await writeNew([plugin, test, ...samples, await configFile()], 1, {
    cwd: invocation.cwd,
    force: settings.values.force,
  })
  const next = [`dfsp try ./${name}.ts samples/*.csv`, `dfsp run -p ./${name}.ts -t TOPIC`]
  announce(written, next, invocation, settings)
}

async function initConfig({ invocation, settings }: Call): Promise<void> {
  const written = await writeNew([await configFile()], 1, {
    cwd: invocation.cwd,
    force: settings.values.force,
  })
  announce(written, ['dfsp config check', 'dfsp config show --origin'], invocation, settings)
}

async function initCompose({ invocation, settings, name }: Call): Promise<void> {
  const { topic = name, force, shared } = settings.values
  const files = Object.entries(composeFiles({ name, topic, version: ownVersion(), shared }))
  const written = await writeNew(files, files.length, { cwd: invocation.cwd, force })
  const next = [
    ...(existsSync(resolve(invocation.cwd, `${name}.ts`)) ? [] : [`dfsp init plugin ${name}`]),
    'docker compose up -d kafka',
    `dfsp upload samples/ -t ${topic} -b localhost:9092`,
    'docker compose --profile dfsp up --build',
  ]
  announce(written, next, invocation, settings)
}

async function initKubernetes({ invocation, settings, name }: Call): Promise<void> {
  const { topic = name, force, shared } = settings.values
  const files = Object.entries(kubernetesFiles({ name, topic, version: ownVersion(), shared }))
  // The Dockerfile may be there, of init compose.
  const written = await writeNew(files, 1, { cwd: invocation.cwd, force })
  const next = [
    ...(existsSync(resolve(invocation.cwd, `${name}.ts`)) ? [] : [`dfsp init plugin ${name}`]),
    'docker build -t REGISTRY/IMAGE . && docker push REGISTRY/IMAGE',
    'kubectl apply -f kubernetes.yaml    # with that image, and your brokers',
  ]
  announce(written, next, invocation, settings)
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** The example that is shipped with dfsp; src/ and dist/ are equally deep. */
async function configFile(): Promise<NewFile> {
  return ['dfsp.config', await readFile(new URL('../../../config/dfsp.config', import.meta.url), 'utf8')]
}
