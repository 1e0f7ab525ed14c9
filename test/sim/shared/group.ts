/**
 * The group's coordinator: who its members are, and which partitions each has. A partition goes from one member to another
 * only once the one has given it up, or was given up itself.
 *
 * A commit is fenced as Kafka does it, and no better: by the member and its generation. What a member commits of partitions
 * that are not its own is stored.
 */
import type { Dice } from '../seed.ts'

export interface Change {
  readonly kind: 'assign' | 'revoke'
  readonly partitions: readonly number[]
  readonly generation: number
}

export interface Member {
  /** Of its process, for as long as that has one. */
  readonly name: string
  /** The coordinator says what it is to take or to give back. */
  told(change: Change): void
}

export interface Group {
  readonly members: readonly Member[]
  join(member: Member): void
  /** It leaves, or its session ended. */
  remove(member: Member): void
  /** `to` takes the place of `from`, and its partitions. */
  replace(from: Member, to: Member): void
  /** A member did as it was told. */
  answered(member: Member, change: Change): void
  /** Partitions change hands. */
  move(): void
  /** A change of nothing. */
  tellNothing(): void
  /** One more partition. */
  addPartition(): void
  ownerOf(partition: number): Member | undefined
  /** Why a commit of a member that knows this generation is refused. */
  refuses(member: Member, generation: number): string | undefined
  /** Each partition is where it is to be, and all have answered. */
  readonly isStable: boolean
}

interface State {
  generation: number
  /** Changes without an answer. */
  open: number
}

export function group(count: number, chance: Dice): Group {
  const members = new Map<Member, State>()
  const owners: (Member | undefined)[] = Array(count).fill(undefined)
  const targets: (Member | undefined)[] = Array(count).fill(undefined)
  let generation = 0

  function retarget(stay: number): void {
    const all = [...members.keys()]
    const inUse = new Set(all.filter(() => chance.chance(0.8)))
    const some = inUse.size > 0 ? [...inUse] : all
    for (const [p, target] of targets.entries()) {
      const isKept = target !== undefined && members.has(target) && chance.chance(stay)
      if (!isKept) targets[p] = all.length === 0 ? undefined : chance.pick(some)
    }
    settle()
  }

  /** Whoever has not answered yet is told nothing more. */
  const isBusy = (member: Member) => (members.get(member)?.open ?? 0) > 0

  function settle(): void {
    tellEach('revoke', (target, owner) => (owner !== target ? owner : undefined))
    for (const [target, taken] of tellEach('assign', (to, owner) => (owner === undefined ? to : undefined)))
      for (const p of taken) owners[p] = target
  }

  /** Tells whoever `whom` names of each partition; returns who was told of which. */
  function tellEach(
    kind: Change['kind'],
    whom: (target: Member | undefined, owner: Member | undefined) => Member | undefined,
  ): ReadonlyMap<Member, readonly number[]> {
    const told = new Map<Member, number[]>()
    for (const [p, target] of targets.entries()) {
      const member = whom(target, owners[p])
      if (member !== undefined && !isBusy(member)) told.set(member, [...(told.get(member) ?? []), p])
    }
    for (const [member, partitions] of told) tell(member, kind, partitions)
    return told
  }

  function tell(member: Member, kind: Change['kind'], partitions: readonly number[]): void {
    const state = members.get(member)
    if (state === undefined) return
    state.open++
    if (kind === 'assign') state.generation = ++generation
    member.told({ kind, partitions, generation: state.generation })
  }

  function remove(member: Member): void {
    if (!members.delete(member)) return
    for (const [p, owner] of owners.entries()) if (owner === member) owners[p] = undefined
    retarget(0.8)
  }

  return {
    get members() {
      return [...members.keys()]
    },
    join(member) {
      members.set(member, { generation: 0, open: 0 })
      retarget(members.size === 1 ? 0 : 0.6)
      if (!isBusy(member)) tell(member, 'assign', [])
    },
    remove,
    replace(from, to) {
      members.delete(from)
      members.set(to, { generation: 0, open: 0 })
      for (const [p, owner] of owners.entries()) if (owner === from) owners[p] = undefined
      for (const [p, target] of targets.entries()) if (target === from) targets[p] = to
      settle()
      if (!isBusy(to)) tell(to, 'assign', [])
    },
    answered(member, { kind, partitions }) {
      const state = members.get(member)
      if (state === undefined) return
      state.open--
      if (kind === 'revoke') {
        // It joins again: until it hears of its next generation nothing that it commits is taken.
        state.generation = ++generation
        for (const p of partitions) owners[p] = undefined
      }
      settle()
      if (kind === 'revoke' && !isBusy(member)) tell(member, 'assign', [])
    },
    move: () => retarget(0.5),
    tellNothing() {
      for (const member of members.keys())
        if (!isBusy(member)) tell(member, chance.pick(['assign', 'revoke']), [])
    },
    addPartition() {
      owners.push(undefined)
      targets.push(undefined)
      retarget(0.9)
    },
    ownerOf: partition => owners[partition],
    refuses(member, of) {
      const state = members.get(member)
      if (state === undefined) return 'unknown member'
      return state.generation === of ? undefined : 'illegal generation'
    },
    get isStable() {
      for (const { open } of members.values()) if (open > 0) return false
      return targets.every((target, p) => target !== undefined && owners[p] === target)
    },
  }
}
