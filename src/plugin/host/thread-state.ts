/**
 * The states of a plugin thread, and the one function that moves it.
 *
 * - `loading`: its module is being imported. It says so when that is done -> `loaded`.
 * - `loaded`: what the module exports is known. It is sent the settings -> `setting-up`.
 * - `setting-up`: the plugin's `setup` runs. It says so when that is done -> `idle`.
 * - `idle`: it has no task. It is given some -> `busy`; its module was loaded anew, or the host is being closed -> `retired`.
 * - `busy`: it has tasks, does them in order, and may have begun the first. All are answered or taken back -> `idle`; the
 *   first is given up (time-out, abort) -> `stopping`.
 * - `stopping`: it is to end its first task, which has failed whatever it answers, and is given no other. It answers ->
 *   `idle`, or `busy` if it had gone on to the next; a timer runs out -> `ended`.
 * - `retired`: `teardown` runs, and nothing else will. It exits, or is terminated when `teardown` ends or times out ->
 *   `ended`.
 * - `ended`: it is gone, or being ended. All that it was given is answered or given to others, and whatever it still says
 *   counts for nothing but the log. Every other state leads here: it cannot load, setup fails, it exits, user code fails
 *   outside any call or posts on the port of the thread, the host ends it.
 *
 * Only `busy` and `stopping` threads have tasks.
 */
export type ThreadState =
  | 'loading'
  | 'loaded'
  | 'setting-up'
  | 'idle'
  | 'busy'
  | 'stopping'
  | 'retired'
  | 'ended'

const NEXT: Readonly<Record<ThreadState, readonly ThreadState[]>> = {
  loading: ['loaded', 'ended'],
  loaded: ['setting-up', 'ended'],
  'setting-up': ['idle', 'ended'],
  idle: ['busy', 'retired', 'ended'],
  busy: ['idle', 'stopping', 'ended'],
  stopping: ['idle', 'busy', 'ended'],
  retired: ['ended'],
  ended: [],
}

interface Moving {
  readonly number: number
  readonly state: ThreadState
  readonly assigned: readonly unknown[]
}

export function move(thread: Moving, to: ThreadState): void {
  const { number, state, assigned } = thread
  const hasTasks = assigned.length > 0
  // What an ended thread had is answered next.
  if (!NEXT[state].includes(to) || (to !== 'ended' && hasTasks !== (to === 'busy' || to === 'stopping')))
    throw new Error(`thread ${number} cannot go from ${state} to ${to} with ${assigned.length} tasks`)
  ;(thread as { state: ThreadState }).state = to
}
