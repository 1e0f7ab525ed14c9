/** Plugin threads without user code or threads: each does what a test tells it to, with the real slots and messages. */
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { TestContext } from 'node:test'
import type { Worker } from 'node:worker_threads'
import type { DfspError } from '../../src/base/errors.ts'
import { claim, markDone } from '../../src/plugin/claims.ts'
import { type HostDeps, pluginHost } from '../../src/plugin/host/host.ts'
import { type StartThread, type Thread, threadIn } from '../../src/plugin/host/thread.ts'
import type { Offer, Result, TaskResult, ThreadData, ToThread } from '../../src/plugin/messages.ts'

const TERMINATE_MS = 2

export class FakeWorker extends EventEmitter {
  threadId: number
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  /** What the host sent, by type. */
  readonly heard = new Set<ToThread['type']>()
  current: Offer | undefined
  isLoaded = false
  isReady = false
  isTornDown = false
  /** It is in native code: nothing ends it. */
  isStuck = false
  wasTerminated = false
  onBegin: (offer: Offer) => void = () => {}
  onDone: (offer: Offer) => void = () => {}
  onHeard: (message: ToThread) => void = () => {}
  readonly #claims: Int32Array
  readonly #isTimed: boolean
  readonly #offers: Offer[] = []
  #untold: Result[] = []

  constructor(threadId: number, data: ThreadData) {
    super()
    this.threadId = threadId
    this.#claims = new Int32Array(data.claims)
    this.#isTimed = data.isTimed
  }

  get isGone(): boolean {
    return this.threadId === -1
  }

  postMessage(message: ToThread): void {
    if (this.isGone) return
    this.heard.add(message.type)
    this.onHeard(message)
    if (message.type === 'tasks') this.#offers.push(...message.offers)
  }

  /** What it does meanwhile it does as before. */
  async terminate(): Promise<void> {
    this.wasTerminated = true
    setTimeout(() => this.isStuck || this.exit(1), TERMINATE_MS)
  }

  say(message: unknown): void {
    if (!this.isGone) this.emit('message', message)
  }

  load(): void {
    if (this.isLoaded) return
    this.isLoaded = true
    this.say({ type: 'loaded', options: {}, hooks: [], warnings: [] })
  }

  ready(): void {
    if (!this.heard.has('setup') || this.isReady) return
    this.isReady = true
    this.say({ type: 'ready' })
  }

  tornDown(): void {
    if (!this.heard.has('teardown') || this.isTornDown) return
    this.isTornDown = true
    this.say({ type: 'torn-down' })
  }

  /** Begins the first task that is still there for it. */
  begin(): void {
    if (this.isGone) return
    while (this.current === undefined && this.#offers.length > 0) {
      const offer = this.#offers.shift() as Offer
      if (!claim(this.#claims, offer)) continue
      this.current = offer
      this.onBegin(offer)
      if (this.#isTimed && offer.task.kind === 'process') this.say({ type: 'started', id: offer.id })
    }
  }

  /** Ends what it has begun; what is done may be told `later`, with the next answer, or that is on its way to the host. */
  finish(result: TaskResult, told?: 'later' | 'on its way'): void {
    const { current } = this
    if (this.isGone || current === undefined) return
    this.current = undefined
    if (result.kind === 'done') {
      markDone(this.#claims, current)
      this.onDone(current)
    }
    this.#untold.push({ id: current.id, ms: 0.1, result })
    if (told === undefined || (told === 'later' && result.kind !== 'done')) this.flush()
  }

  flush(): void {
    if (this.#untold.length === 0) return
    const results = this.#untold
    this.#untold = []
    this.say({ type: 'results', results })
  }

  fail(error: unknown): void {
    if (this.isGone) return
    this.emit('error', error)
    this.exit(1)
  }

  exit(code: number): void {
    if (this.isGone) return
    this.threadId = -1
    this.stdout.end()
    this.stderr.end()
    this.emit('exit', code)
  }
}

export interface FakeThread {
  readonly thread: Thread
  readonly worker: FakeWorker
}

/** `onStart` hears of each thread, and throws where there is to be none. */
export function fakeThreads(onStart: (worker: FakeWorker) => void = () => {}): {
  readonly all: FakeThread[]
  readonly startThread: StartThread
} {
  const all: FakeThread[] = []
  return {
    all,
    startThread(data, given, on) {
      const worker = new FakeWorker(all.length + 1, data)
      onStart(worker)
      const thread = threadIn(worker as unknown as Worker, data, given, on)
      all.push({ thread, worker })
      return thread
    },
  }
}

/** Resolves when all that waits for nothing but its turn is done. */
export async function settled(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

/** A host whose first thread is ready; `onStart` decides what becomes of each further one. */
export async function openFakeHost(t: TestContext, given: Partial<HostDeps> = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const warnings: string[] = []
  const broken: DfspError[] = []
  const open = { onStart: (_: FakeWorker) => {}, onFurther: (_: FakeWorker): unknown => undefined }
  const { all, startThread } = fakeThreads(worker => open.onStart(worker))
  const deps: HostDeps = {
    pluginUrl: 'file:///p.mjs',
    pluginName: './p.mjs',
    threads: 1,
    timeoutMs: undefined,
    segments: () => [],
    pageBytes: 4096,
    produce: async () => {},
    log: ({ message }) => warnings.push(message),
    onBroken: error => broken.push(error),
    startThread,
    ...given,
  }
  const host = pluginHost(deps)
  const starting = host
    .load()
    .then(() => host.start({ options: {}, sections: {}, outputDir: '', tmpDir: '' }))
  const first = all[0]?.worker as FakeWorker
  first.load()
  await settled()
  first.ready()
  await starting
  let known = 1
  /** Lets all threads that were started since go on. */
  const goOn = async () => {
    for (const { worker } of all.slice(known)) open.onFurther(worker)
    known = all.length
    await settled()
  }
  return {
    ...{ open, host, all, first, warnings, broken, goOn },
    async pass(ms: number) {
      t.mock.timers.tick(ms)
      await settled()
      await goOn()
    },
    async ready() {
      open.onStart = () => {}
      open.onFurther = async (worker: FakeWorker) => {
        worker.load()
        await settled()
        worker.ready()
      }
    },
  }
}
