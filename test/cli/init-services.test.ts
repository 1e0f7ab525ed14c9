/** `dfsp init systemd`, `dfsp init compose` and `dfsp init kubernetes`. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { DfspError, type ErrorCode } from '../../src/base/errors.ts'
import { kubernetesFiles } from '../../src/cli/init/kubernetes-files.ts'
import { systemdUnits } from '../../src/cli/init/systemd-units.ts'
import { runCli } from '../support/cli.ts'
import { dfsp, folder } from './world.ts'

const noSystemd =
  spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'no systemd-analyze on this machine'
const NAMES = ['dfsp-plot-batch.service', 'dfsp-plot-batch.timer', 'dfsp-plot.service']

/** A user manager looks into the runtime directory; nothing runs there. */
function verify(files: readonly string[], user: boolean, cwd: string) {
  return spawnSync('systemd-analyze', ['verify', '--man=no', ...(user ? ['--user'] : []), ...files], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: cwd, XDG_RUNTIME_DIR: cwd, LC_ALL: 'C.UTF-8' },
  })
}

test('init systemd prints a service, a batch service and its timer, and says how to install them', async t => {
  const cwd = folder(t, { 'plot.ts': '', 'dfsp.config': '' })
  const { exit, stdout, stderr } = await dfsp(['init', 'systemd', 'plot', '-t', 'xrd'], cwd)
  assert.equal(exit, 0)
  assert.deepEqual(stdout.match(/(?<=^# \/etc\/systemd\/system\/).*/gm), [
    'dfsp-plot.service',
    'dfsp-plot-batch.service',
    'dfsp-plot-batch.timer',
  ])
  assert.match(
    stdout,
    new RegExp(`run -p ${cwd}/plot.ts -t xrd -c ${cwd}/dfsp.config --until-end -o %S/dfsp-plot`),
  )
  assert.equal(stderr, 'Next:  sudo dfsp init systemd plot -t xrd --install\n')
})

test('init systemd names the variables of this shell that a service does not see, without their values', async t => {
  const cwd = folder(t, { 'plot.ts': '' })
  const env = {
    DFSP_TOPIC: 'xrd',
    DFSP_KAFKA_SASL_PASSWORD: 'secret',
    DFSP_BROKERS: 'lab1:9092',
    HOST: 'lab',
  }
  const { stdout, stderr } = await dfsp(['init', 'systemd', 'plot'], cwd, env)
  assert.match(stdout, / -t xrd /)
  const names = 'Not seen by a service: DFSP_BROKERS, DFSP_KAFKA_SASL_PASSWORD of this shell'
  assert.equal(
    stderr,
    `${names}; put what it needs into /etc/dfsp/plot.env\nNext:  sudo dfsp init systemd plot -t xrd --install\n`,
  )
  const installed = await dfsp(['init', 'systemd', 'plot', '--user', '--install'], cwd, env)
  assert.match(
    installed.stderr,
    new RegExp(`^${names}; put what it needs into ${cwd}/.config/dfsp/plot.env$`, 'm'),
  )
  // The unit names the file below the home, wherever the manager looks for units.
  const elsewhere = await dfsp(['init', 'systemd', 'plot', '--user'], cwd, {
    ...env,
    XDG_CONFIG_HOME: join(cwd, 'xdg'),
  })
  assert.match(elsewhere.stdout, /^EnvironmentFile=-%h\/\.config\/dfsp\/plot\.env$/m)
  assert.match(elsewhere.stderr, new RegExp(` into ${cwd}/.config/dfsp/plot.env$`, 'm'))
})

test('init systemd --user --install puts the units where the manager of the account looks, once', async t => {
  const cwd = folder(t, { 'plot.mjs': '' })
  const args = ['init', 'systemd', 'plot', '--user', '--install']
  const { stdout } = await dfsp(args, cwd)
  const target = join(cwd, '.config', 'systemd', 'user')
  assert.deepEqual(readdirSync(target).sort(), NAMES)
  assert.match(stdout, /^ +systemctl --user enable --now dfsp-plot-batch\.timer/m)
  assert.equal((await dfsp(args, cwd)).error?.message, `${target}/dfsp-plot.service exists`)
})

test('--json gives what was written, and the units, as objects', async t => {
  const cwd = folder(t, { 'plot.ts': '' })
  const parsed = async (...args: string[]) =>
    (await dfsp(['init', ...args, '--json'], cwd)).stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
  const units = await parsed('systemd', 'plot')
  assert.deepEqual(
    units.map(({ v, type, path }) => [v, type, path.split('/').at(-1)]),
    [
      [1, 'unit', 'dfsp-plot.service'],
      [1, 'unit', 'dfsp-plot-batch.service'],
      [1, 'unit', 'dfsp-plot-batch.timer'],
    ],
  )
  const [config] = await parsed('config')
  assert.deepEqual([config.type, config.files], ['written', ['dfsp.config']])
})

test('init systemd needs the plugin: a wrong name brings the built-in ones', async t => {
  const cwd = folder(t, { 'plot.ts': '' })
  const { code, stderr } = await runCli(['init', 'systemd', 'plto'], { cwd })
  assert.equal(code, 66)
  assert.match(stderr, /there is no plugin plto in .*\[E_PLUGIN_MISSING\]\n.*the built-in ones are .*save/)
})

for (const user of [false, true]) {
  test(`the ${user ? "account's" : "system's"} units pass systemd-analyze, also in a folder with an odd name`, {
    skip: noSystemd,
  }, t => {
    const cwd = folder(t)
    const odd = join(cwd, 'my 100% "data" $HOME')
    mkdirSync(odd)
    writeFileSync(join(odd, 'plot.ts'), '')
    const units = systemdUnits({
      name: 'plot',
      plugin: join(odd, 'plot.ts'),
      topic: 'xrd',
      folder: odd,
      program: [process.execPath, 'dfsp.js'],
      user,
      owner: '1000',
      config: undefined,
      shared: false,
    })
    for (const [name, text] of Object.entries(units)) writeFileSync(join(cwd, name), text)
    const { status, stderr } = verify(
      NAMES.map(name => join(cwd, name)),
      user,
      cwd,
    )
    assert.deepEqual([status, stderr], [0, ''])
    // The check does look: it finds a typing error.
    const broken = join(cwd, 'dfsp-broken.service')
    writeFileSync(broken, units['dfsp-plot.service']?.replace('RestartPrevent', 'RestartPrevnt') ?? '')
    assert.match(verify([broken], user, cwd).stderr, /Unknown key .*'RestartPrevntExitStatus'/)
  })
}

test('init systemd --shared is a unit of which any number run, each with a name and a folder of its own', async t => {
  const cwd = folder(t, { 'plot.ts': '' })
  const { stdout, stderr } = await dfsp(['init', 'systemd', 'plot', '-t', 'xrd', '--shared'], cwd)
  assert.deepEqual(stdout.match(/^# \/etc\/.*/gm), ['# /etc/systemd/system/dfsp-plot@.service'])
  assert.match(stdout, /^ExecStart=.* -t xrd -o %S\/dfsp-plot\/%i --shared --member %H-%i$/m)
  assert.match(stdout, /^StateDirectory=dfsp-plot\/%i$/m)
  assert.equal(stderr, 'Next:  sudo dfsp init systemd plot -t xrd --shared --install\n')
  const { stdout: installed } = await dfsp(
    ['init', 'systemd', 'plot', '--shared', '--user', '--install'],
    cwd,
  )
  assert.match(installed, /systemctl --user enable --now dfsp-plot@1 dfsp-plot@2 /)
})

for (const user of [false, true]) {
  test(`the ${user ? "account's" : "system's"} shared unit passes systemd-analyze`, {
    skip: noSystemd,
  }, t => {
    const cwd = folder(t, { 'plot.ts': '' })
    const [[name = '', text = ''] = []] = Object.entries(
      systemdUnits({
        ...{ name: 'plot', plugin: join(cwd, 'plot.ts'), topic: 'xrd', folder: cwd },
        ...{ program: [process.execPath, 'dfsp.js'], user, owner: '1000', config: undefined, shared: true },
      }),
    )
    assert.equal(name, 'dfsp-plot@.service')
    writeFileSync(join(cwd, name), text)
    const { status, stderr } = verify([join(cwd, name)], user, cwd)
    assert.deepEqual([status, stderr], [0, ''])
  })
}

test('a service is not started again after an error that does not mend itself, and only then', () => {
  const named = new Map([
    ['USAGE', 64],
    ['NOINPUT', 66],
    ['NOPERM', 77],
    ['CONFIG', 78],
  ])
  const [text = ''] = Object.values(
    systemdUnits({
      ...{ name: 'a', plugin: 'save', topic: 't', folder: '/', program: ['dfsp'], user: false },
      ...{ owner: undefined, config: undefined, shared: false },
    }),
  )
  const [, list = ''] = /^RestartPreventExitStatus=(.*)$/m.exec(text) ?? []
  const statuses = list.split(' ').map(word => named.get(word) ?? Number(word))
  const lasting: ErrorCode[] = ['E_USAGE', 'E_PLUGIN_MISSING', 'E_AUTH', 'E_ACL', 'E_CONFIG', 'E_ADDON']
  const passing: ErrorCode[] = [
    'E_BROKER_UNREACHABLE',
    'E_TOPIC_MISSING',
    'E_GROUP_BUSY',
    'E_BREAKER',
    'E_OUTPUT',
  ]
  for (const code of lasting) assert.ok(statuses.includes(new DfspError(code, '').exitCode), code)
  for (const code of passing) assert.ok(!statuses.includes(new DfspError(code, '').exitCode), code)
})

test('init compose writes a broker that answers at localhost:9092 and an image that stops on SIGTERM', async t => {
  const cwd = folder(t)
  const { exit, stdout } = await dfsp(['init', 'compose', 'Plot', '-t', 'xrd'], cwd)
  assert.equal(exit, 0)
  assert.match(
    stdout,
    /^wrote compose\.yaml, Dockerfile, \.dockerignore\nNext: {2}dfsp init plugin Plot\n {7}docker compose up -d kafka\n/,
  )
  const compose = readFileSync(join(cwd, 'compose.yaml'), 'utf8')
  assert.match(compose, /KAFKA_ADVERTISED_LISTENERS: INSIDE:\/\/kafka:19092,OUTSIDE:\/\/localhost:9092/)
  // Names of services are written small.
  assert.match(compose, /^ {2}plot:\n[\s\S]*command: \[run, -p, \.\/Plot\.ts, -t, xrd,/m)
  assert.doesNotMatch(compose, /\t/)
  const dockerfile = readFileSync(join(cwd, 'Dockerfile'), 'utf8')
  // With a shell as process 1 no signal would reach dfsp.
  assert.match(dockerfile, /^ENTRYPOINT \["dfsp"\]$/m)
  const instructions = dockerfile.replaceAll(/#.*\n/g, '').replaceAll('\\\n', '').split('\n').filter(Boolean)
  for (const line of instructions)
    assert.match(line, /^(FROM|RUN|ARG|COPY|WORKDIR|USER|VOLUME|ENTRYPOINT|CMD) /)
  assert.equal((await dfsp(['init', 'compose'], cwd)).error?.message, 'compose.yaml exists')
  assert.ok(!existsSync(join(cwd, 'dfsp.config')))
})

/** The Kafka client's: dfsp itself reads no YAML. */
const { load, loadAll } = createRequire(import.meta.resolve('@confluentinc/kafka-javascript/package.json'))(
  'js-yaml',
)

test('init compose is YAML; with --shared it has replicas that want neither one port nor one log', async t => {
  const services = async (...more: string[]) => {
    const cwd = folder(t)
    await dfsp(['init', 'compose', 'plot', '-t', 'xrd', ...more], cwd)
    return load(readFileSync(join(cwd, 'compose.yaml'), 'utf8')).services
  }
  const { kafka, plot } = await services()
  assert.equal(kafka.environment.KAFKA_NUM_PARTITIONS, 4)
  assert.equal(plot.deploy, undefined)
  assert.ok(!plot.command.includes('--shared'))
  const { plot: shared } = await services('--shared')
  assert.deepEqual(shared.deploy, { replicas: 2 })
  assert.deepEqual(shared.command.slice(-3), ['--shared', '--log-file', '/dev/null'])
  assert.deepEqual(shared.ports, ['127.0.0.1:9464-9473:9464'])
  assert.equal(shared.stop_grace_period, '45s')
})

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  // biome-ignore lint/suspicious/noExplicitAny: as the YAML has it
  readonly spec: any
}

const manifestsOf = (shared: boolean, name = 'my_Plot') =>
  new Map(
    (
      loadAll(kubernetesFiles({ name, topic: 'xrd', version: '1', shared })['kubernetes.yaml']) as Manifest[]
    ).map(each => [each.kind, each]),
  )

for (const shared of [false, true])
  test(`init kubernetes ${shared ? '--shared ' : ''}is a pod that is asked whether it lives, stops in order and has its secrets from a Secret`, () => {
    const all = manifestsOf(shared)
    for (const { metadata } of all.values()) assert.equal(metadata.name, 'dfsp-my-plot')
    assert.deepEqual(
      [...all.keys()],
      shared ? ['Secret', 'Service', 'StatefulSet'] : ['Secret', 'PersistentVolumeClaim', 'Deployment'],
    )
    const { spec } = all.get(shared ? 'StatefulSet' : 'Deployment') as Manifest
    assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels)
    const pod = spec.template.spec
    assert.ok(pod.terminationGracePeriodSeconds > 20)
    const [container] = pod.containers
    assert.equal(container.livenessProbe.httpGet.path, '/livez')
    assert.equal(container.readinessProbe.httpGet.path, '/readyz')
    assert.equal(container.readinessProbe.httpGet.port, container.ports[0].name)
    assert.deepEqual(container.envFrom, [{ secretRef: { name: 'dfsp-my-plot' } }])
    assert.deepEqual(container.volumeMounts, [{ name: 'output', mountPath: '/output' }])
    assert.deepEqual(container.args.slice(0, 7), ['run', '-p', './my_Plot.ts', '-t', 'xrd', '-o', '/output'])
    const volumes = shared ? spec.volumeClaimTemplates.map((v: Manifest) => v.metadata) : pod.volumes
    assert.equal(volumes[0].name, 'output')
  })

test('pods that share a topic are members by their own names; without --shared there is one, and no second beside it', () => {
  const { spec: shared } = manifestsOf(true).get('StatefulSet') as Manifest
  const [container] = shared.template.spec.containers
  assert.deepEqual(container.args.slice(-3), ['--shared', '--member', '$(POD_NAME)'])
  assert.equal(container.env[0].valueFrom.fieldRef.fieldPath, 'metadata.name')
  assert.equal(shared.replicas, 2)
  const { spec: alone } = manifestsOf(false).get('Deployment') as Manifest
  assert.deepEqual([alone.replicas, alone.strategy.type], [1, 'Recreate'])
  assert.ok(!alone.template.spec.containers[0].args.includes('--shared'))
})

test('init kubernetes leaves a Dockerfile of init compose as it is', async t => {
  const cwd = folder(t, { Dockerfile: 'FROM mine' })
  const { stdout } = await dfsp(['init', 'kubernetes', 'plot', '-t', 'xrd'], cwd)
  assert.match(stdout, /^wrote kubernetes\.yaml, \.dockerignore\n/)
  assert.equal(readFileSync(join(cwd, 'Dockerfile'), 'utf8'), 'FROM mine')
})
