/**
 * A call that is to go on for months, in a process that grows: the client's binding does not free what is given to
 * sendOffsetsToTransaction (some 200 bytes for each partition of each round). So the work is done in a child process, which
 * says when it has grown too large, stops in order, and is followed by another.
 *
 * The child is asked to stop by a message, or by the end of this process; signals that reach it, too, count once.
 */
import { spawn } from 'node:child_process'
import { beforeTheEnd, onStopSignal, type StopSignal } from './shutdown.ts'

const CHILD = 'DFSP_RENEWED'

type ToChild = { readonly stop: StopSignal }
type FromChild = { readonly grown: unknown }

/** What a child is told of the work of those before it; undefined in a process that is no child. */
export function inherited<T>(env: NodeJS.ProcessEnv): { readonly carried: T | undefined } | undefined {
  const text = process.send === undefined ? undefined : env[CHILD]
  return text === undefined ? undefined : { carried: text === '' ? undefined : (JSON.parse(text) as T) }
}

/** Runs this call in children, one after the other; resolves to the exit status of the last. */
export async function renewed(env: NodeJS.ProcessEnv): Promise<number> {
  let carried: unknown
  let asked: StopSignal | undefined
  for (;;) {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env: { ...env, [CHILD]: carried === undefined ? '' : JSON.stringify(carried) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    let hasGrown = false
    child.on('message', (message: FromChild) => {
      hasGrown = true
      carried = message.grown
    })
    const tell = (stop: StopSignal) => {
      asked = stop
      if (child.connected) child.send({ stop } satisfies ToChild, () => {})
    }
    const unlisten = [onStopSignal(tell), beforeTheEnd(() => child.kill('SIGKILL'))]
    const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
      (resolve, reject) => {
        child.once('error', reject)
        child.once('close', (ended, by) => resolve({ code: ended, signal: by }))
      },
    )
    for (const stop of unlisten) stop()
    if (signal !== null) process.kill(process.pid, signal)
    if (code !== 0 || !hasGrown || asked !== undefined) return code ?? 1
  }
}

/** How a child hears that it is to stop: once, from its parent, or that this is gone. */
export function onParentsStop(stop: (signal: StopSignal) => void): () => void {
  const ignored: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const ignore = () => {}
  let isAsked = false
  const once = (signal: StopSignal) => {
    if (!isAsked) stop(signal)
    isAsked = true
  }
  const heard = (message: ToChild) => once(message.stop)
  const gone = () => once('SIGTERM')
  for (const signal of ignored) process.on(signal, ignore)
  process.on('message', heard)
  process.on('disconnect', gone)
  return () => {
    for (const signal of ignored) process.off(signal, ignore)
    process.off('message', heard)
    process.off('disconnect', gone)
  }
}

/** Says that another is to go on, with what is handed to it. */
export async function sayGrown(carried: unknown): Promise<void> {
  await new Promise<void>(sent =>
    process.send?.({ grown: carried } satisfies FromChild, undefined, undefined, () => sent()),
  )
}
