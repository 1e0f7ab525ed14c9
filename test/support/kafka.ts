/**
 * Apache Kafka for the tests: one KRaft node as its own process, on free loopback ports, with its own
 * temporary folder. It is up in about two seconds, and gone with this process at the latest.
 *
 * Most tests in test/real/ share the one that `npm test` starts: see `broker.ts`.
 */

import { execFile } from 'node:child_process'
import { existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openWire, reader, text } from '../../src/kafka/ask/wire.ts'
import { type Guarded, startGuarded } from './guarded.ts'
import { KAFKA_VERSION, kafkaJars } from './kafka-jars.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

const START_TIMEOUT_MS = 180_000
const JVM = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']
/** With ZooKeeper it is not ready before it has heard of its controller. */
const STARTED = /Kafka Server started|Recorded new controller/
const run = promisify(execFile)

/** What a broker of the tests knows by name; both users belong to its SASL listener. */
export const SUPER_USER = { username: 'super', password: 'super-secret' } as const
export const LIMITED_USER = { username: 'limited', password: 'limited-secret' } as const

export type KafkaOptions = {
  /**
   * Adds a SASL_PLAINTEXT listener (mechanism PLAIN) and an authorizer: `SUPER_USER` and whoever comes by the
   * plain listener may do all, `LIMITED_USER` nothing until `allow` says so.
   */
  sasl?: boolean
  /** Further lines of server.properties; they win. */
  properties?: Readonly<Record<string, string | number | boolean>>
  /** Of Apache Kafka; before 3.3 with ZooKeeper. */
  version?: string
  /** Of the plain listener and of the controller; free ones without it. */
  ports?: readonly [plain: number, controller: number]
}

export type Kafka = {
  /** `host:port` of the plain listener. */
  brokers: string
  /** `host:port` of the SASL listener, or '' without one. */
  saslBrokers: string
  folder: string
  /** Of the broker while it runs. */
  pid(): number
  /** Ends it in good order (SIGTERM); its data and ports stay for `start`. */
  stop(): Promise<void>
  /** Ends it as a power cut does (SIGKILL). */
  kill(): Promise<void>
  /** Starts it again after `stop` or `kill`, on the same ports and data. */
  start(): Promise<void>
  /** Gives `LIMITED_USER` an ACL, in the words of kafka-acls, and waits until it holds: `allow('Read', '--topic', 'x')`. */
  allow(operation: AclOperation, kind: AclKind, name: string): Promise<void>
  /** Takes such an ACL away again, and waits until it holds no longer. */
  forbid(operation: AclOperation, kind: AclKind, name: string): Promise<void>
  /** Sets quotas of a client id, such as `consumer_byte_rate`. */
  limitClient(clientId: string, quotas: Readonly<Record<string, number>>): Promise<void>
  /** Sets configs of a topic, such as `min.insync.replicas`. */
  configureTopic(topic: string, configs: Readonly<Record<string, number>>): Promise<void>
  /** Stops it and removes its folder. */
  end(): Promise<void>
}

type AclOperation = keyof typeof OPERATIONS
type AclKind = keyof typeof KINDS

/** Starts a broker. Rejects with a reason for the reader when Java, Maven or the download is missing. */
export async function startKafka({
  sasl = false,
  properties = {},
  version = KAFKA_VERSION,
  ports,
}: KafkaOptions = {}): Promise<Kafka> {
  const jars = join(await kafkaJars(version), '*')
  const folder = await mkdtemp(join(tmpdir(), 'dfsp-kafka-'))
  const [secured = 0, ...free] = await freePorts(ports ? 1 : 3)
  const [plain = 0, controller = 0] = ports ?? free
  const config = join(folder, 'server.properties')
  const log = join(folder, 'kafka.log')
  const brokers = `127.0.0.1:${plain}`
  let running: Guarded | undefined
  let starts = 0

  const java = (heap: string, main: string, ...args: string[]) => [
    ...[
      heap,
      ...JVM,
      `-Dorg.slf4j.simpleLogger.logFile=${log}`,
      '-Dorg.slf4j.simpleLogger.showDateTime=true',
    ],
    ...['-cp', jars, main, ...args],
  ]

  async function start(): Promise<void> {
    if (running) throw new Error('this broker runs already')
    // Java begins the log anew: what an earlier start wrote is kept beside it.
    if (existsSync(log)) renameSync(log, `${log}.${starts}`)
    starts++
    const output = openSync(log, 'a')
    const broker = await startGuarded('java', java('-Xmx768m', 'kafka.Kafka', config), {
      removeOnDeath: folder,
      output,
    })
    running = broker
    let exit = ''
    void broker.exited.then(({ code, signal }) => {
      exit = `it ended with ${signal ?? code}`
      if (running === broker) running = undefined
    })
    const news = () => readFileSync(log, 'utf8')
    const deadline = Date.now() + START_TIMEOUT_MS
    while (!STARTED.test(news())) {
      if (Date.now() > deadline) exit ||= `it was not ready after ${START_TIMEOUT_MS / 1000} s`
      if (exit) throw new Error(`Kafka did not start: ${exit}; end of its log:\n${news().slice(-4000)}`)
      await delay(50)
    }
  }

  async function halt(signal: NodeJS.Signals): Promise<void> {
    if (!running) return
    await running.stop(signal)
    running = undefined
  }

  async function acl(
    change: '--add' | '--remove',
    operation: AclOperation,
    kind: AclKind,
    name: string,
  ): Promise<void> {
    const who = ['--allow-principal', `User:${LIMITED_USER.username}`, '--operation', operation]
    const args = ['--bootstrap-server', brokers, change, '--force', ...who, kind, name]
    await run('java', java('-Xmx128m', 'org.apache.kafka.tools.AclCommand', ...args))
    // The controller has it; the broker acts on it a moment later.
    await until(async () => (await holds(brokers, operation, kind, name)) === (change === '--add'))
  }

  async function configure(
    type: 'clients' | 'topics',
    name: string,
    configs: Readonly<Record<string, number>>,
  ): Promise<void> {
    const list = Object.entries(configs).map(([key, value]) => `${key}=${value}`)
    const whom = ['--entity-type', type, '--entity-name', name]
    const args = ['--bootstrap-server', brokers, '--alter', '--add-config', list.join(), ...whom]
    await run('java', java('-Xmx128m', 'kafka.admin.ConfigCommand', ...args))
  }

  const withZooKeeper = Number.parseFloat(version) < 3.3
  const lines = {
    ...(withZooKeeper ? zooKeeperProperties : raftProperties)(plain, controller),
    ...baseProperties(join(folder, 'data')),
    ...(sasl ? saslProperties(plain, controller, secured) : {}),
    ...properties,
  }
  await writeFile(
    config,
    Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const zooKeeper = withZooKeeper ? await startZooKeeper(jars, folder, controller) : undefined
  if (!zooKeeper) {
    const format = ['format', '-t', 'ZGZzcC10ZXN0LWNsdXN0ZQ', '-c', config]
    await run('java', java('-Xmx128m', 'kafka.tools.StorageTool', ...format))
  }
  await start()

  return {
    brokers,
    saslBrokers: sasl ? `127.0.0.1:${secured}` : '',
    folder,
    pid() {
      if (!running) throw new Error('this broker does not run')
      return running.pid
    },
    start,
    stop: () => halt('SIGTERM'),
    kill: () => halt('SIGKILL'),
    allow: (...rule) => acl('--add', ...rule),
    forbid: (...rule) => acl('--remove', ...rule),
    limitClient: (clientId, quotas) => configure('clients', clientId, quotas),
    configureTopic: (topic, configs) => configure('topics', topic, configs),
    async end() {
      await halt('SIGTERM')
      await zooKeeper?.stop('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startZooKeeper(jars: string, folder: string, port: number): Promise<Guarded> {
  const file = join(folder, 'zookeeper.properties')
  const address = `clientPort=${port}\nclientPortAddress=127.0.0.1\n`
  await writeFile(file, `dataDir=${join(folder, 'zookeeper')}\n${address}admin.enableServer=false\n`)
  const output = openSync(join(folder, 'zookeeper.log'), 'a')
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
  return await startGuarded('java', ['-Xmx256m', ...JVM, '-cp', jars, main, file], { output })
}

/** Three brokers that replicate everything; each can be killed by itself. In order of node id, which begins at 1. */
export async function startCluster(): Promise<readonly Kafka[]> {
  const ids = [1, 2, 3]
  const ports = await freePorts(2 * ids.length)
  const controllers = ports.slice(ids.length)
  const voters = ids.map((id, i) => `${id}@127.0.0.1:${controllers[i]}`).join()
  const properties = {
    'controller.quorum.voters': voters,
    'offsets.topic.replication.factor': 3,
    'default.replication.factor': 3,
  }
  // None is ready before two of them run.
  return await Promise.all(
    ids.map((id, i) =>
      startKafka({
        ports: [ports[i] as number, controllers[i] as number],
        properties: { ...properties, 'node.id': id },
      }),
    ),
  )
}

/** Numbers of Kafka's AclOperation, ResourceType and others. */
const OPERATIONS = { Read: 3, Write: 4, Describe: 8, DescribeConfigs: 10 } as const
const KINDS = { '--topic': 2, '--group': 3 } as const
const LITERAL = 3
const ALLOW = 3
const DESCRIBE_ACLS = 29

/** Whether the broker itself knows of an ACL of `LIMITED_USER`. */
async function holds(
  brokers: string,
  operation: AclOperation,
  kind: AclKind,
  name: string,
): Promise<boolean> {
  const wire = await openWire({ 'bootstrap.servers': brokers })
  try {
    const resource = [Buffer.of(KINDS[kind]), text(name), Buffer.of(LITERAL)]
    const anyHost = Buffer.from([0xff, 0xff])
    const rule = [
      text(`User:${LIMITED_USER.username}`),
      anyHost,
      Buffer.of(OPERATIONS[operation]),
      Buffer.of(ALLOW),
    ]
    const answer = reader(await wire.ask(DESCRIBE_ACLS, 1, Buffer.concat([...resource, ...rule])))
    answer.int32() // throttle time
    if (answer.int16() !== 0) throw new Error(`the broker tells no ACLs: ${answer.text()}`)
    answer.text()
    return answer.int32() > 0
  } finally {
    wire.close()
  }
}

function raftProperties(plain: number, controller: number): Record<string, string | number> {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller}`,
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
  }
}

function zooKeeperProperties(plain: number, zooKeeper: number): Record<string, string | number> {
  const listeners = `PLAINTEXT://127.0.0.1:${plain}`
  return { 'broker.id': 1, 'zookeeper.connect': `127.0.0.1:${zooKeeper}`, listeners }
}

/** As a small real cluster has it, but nothing waits longer than a test wants to. */
function baseProperties(data: string): Record<string, string | number> {
  return {
    'log.dirs': data,
    // After a kill the new one waits until the old one's session is over.
    'broker.session.timeout.ms': 4000,
    'broker.heartbeat.interval.ms': 500,
    'num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 2,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 500,
    'group.consumer.min.session.timeout.ms': 500,
    'group.consumer.min.heartbeat.interval.ms': 100,
    'group.consumer.heartbeat.interval.ms': 500,
    'group.consumer.session.timeout.ms': 6000,
    'log.initial.task.delay.ms': 500,
    'log.retention.check.interval.ms': 1000,
    'log.cleaner.backoff.ms': 500,
    'log.segment.delete.delay.ms': 500,
  }
}

function saslProperties(plain: number, controller: number, secured: number): Record<string, string> {
  const users = [SUPER_USER, LIMITED_USER].map(user => `user_${user.username}="${user.password}"`).join(' ')
  return {
    listeners: [
      `PLAINTEXT://127.0.0.1:${plain}`,
      `CONTROLLER://127.0.0.1:${controller}`,
      `SASL_PLAINTEXT://127.0.0.1:${secured}`,
    ].join(),
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${users};`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:${SUPER_USER.username};User:ANONYMOUS`,
  }
}
