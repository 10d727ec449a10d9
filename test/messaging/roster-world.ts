/**
 * Several rosters that claim names from each other over links without a wire: what one says, the other is given, in order.
 *
 * Links are cut, resumed, ended and made again; nodes crash; time passes. The whole of it comes from a seed.
 */
import { maxRivals } from '../../patterns/messaging/contender.js'
import type { ClaimRefusal, PeerClaim } from '../../patterns/messaging/peer-claim.js'
import { Roster } from '../../patterns/messaging/roster.js'
import type { RosterPorts } from '../../patterns/messaging/roster-contract.js'
import { Random } from '../simulation/random.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { leaveMs, settleMs } from './roster-lab.js'

/** What one node says to another. */
type Statement =
  | { readonly kind: 'hello'; readonly node: string }
  | { readonly kind: 'claim'; readonly claim: PeerClaim }
  | { readonly kind: 'withdraw'; readonly incarnation: string }
  | { readonly kind: 'complete' }
  | { readonly kind: 'accept'; readonly incarnation: string }
  | { readonly kind: 'refuse'; readonly refusal: ClaimRefusal }

/** One end of a session. */
class End {
  readonly id: string
  readonly node: Node
  readonly inbox: Statement[] = []
  status: 'live' | 'cut' | 'ended' = 'live'
  other: End | undefined

  constructor(id: string, node: Node) {
    this.id = id
    this.node = node
  }

  say(statement: Statement): void {
    this.other?.inbox.push(statement)
  }

  become(status: 'live' | 'cut' | 'ended'): void {
    this.status = status
    this.node.roster.status(this.id, status)
  }

  /** Takes the first statements that came. */
  take(count: number): void {
    const { roster } = this.node
    for (const statement of this.inbox.splice(0, count)) {
      if (statement.kind === 'hello') roster.met(this.id, statement.node, undefined)
      else if (statement.kind === 'claim') roster.claim(this.id, statement.claim)
      else if (statement.kind === 'withdraw') roster.withdrawn(this.id, statement.incarnation)
      else if (statement.kind === 'complete') roster.completed(this.id)
      else if (statement.kind === 'accept') roster.answered(this.id, [statement.incarnation], [])
      else roster.answered(this.id, [], [statement.refusal])
    }
  }
}

/** A node, and what it was told. */
export class Node {
  readonly id: string
  readonly roster: Roster
  readonly ends = new Map<string, End>()
  readonly locals = new Map<string, string>()
  /** How many claims were made, by name. */
  readonly added = new Map<string, number>()
  /** What is present by what it was told, by name. */
  readonly present = new Map<string, string>()

  constructor(id: string, world: RosterWorld, make: (ports: RosterPorts) => Roster) {
    this.id = id
    const tellAll = (statement: Statement) => {
      for (const end of this.ends.values()) end.say(statement)
    }
    this.roster = make({
      clock: world.clock,
      accept: (session, incarnation) => this.ends.get(session)?.say({ kind: 'accept', incarnation }),
      refuse: (session, refusal) => this.ends.get(session)?.say({ kind: 'refuse', refusal }),
      announce: (claim) => tellAll({ kind: 'claim', claim }),
      withdraw: (incarnation) => tellAll({ kind: 'withdraw', incarnation }),
      joined: ({ ref }) => {
        if (this.present.has(ref.name)) world.fail(`${id}: ${ref.name} is held twice`)
        this.present.set(ref.name, ref.incarnation)
      },
      left: ({ ref, sessions }, reason) => {
        const isLive = sessions.some((session) => this.ends.get(session)?.status === 'live')
        if (reason === 'lost' && isLive) world.fail(`${id}: ${ref.name} is lost over a live link`)
        if (this.present.get(ref.name) !== ref.incarnation) world.fail(`${id}: ${ref.name} has left and was not there`)
        this.present.delete(ref.name)
      },
      changed: ({ ref }) => {
        if (this.present.get(ref.name) !== ref.incarnation) world.fail(`${id}: ${ref.name} changed and is not there`)
      },
      suspected: () => {},
      recovered: () => {},
      conflict: (winner, losers) => {
        if (losers.length === 0 || losers.some(({ name }) => name !== winner.name)) world.fail('a conflict of nobody')
        world.conflicts += 1
      },
      complete: () => {},
      accepted: () => {},
      refused: () => {},
      regained: () => {},
      report: (error) => world.fail(error.message),
    })
    this.roster.start()
  }

  begin(end: End): void {
    this.ends.set(end.id, end)
    this.roster.began(end.id, undefined)
    end.say({ kind: 'hello', node: this.id })
    for (const claim of this.roster.claims) end.say({ kind: 'claim', claim })
    end.say({ kind: 'complete' })
  }
}

/** Makes a roster. */
export const makeRoster = (ports: RosterPorts): Roster => new Roster({ leaveMs, settleMs, maxClaims: 1000 }, ports)

/** A run. */
export class RosterWorld {
  readonly clock = new VirtualClock()
  conflicts = 0
  broken: string | undefined
  readonly #random: Random
  readonly #make: (ports: RosterPorts) => Roster
  readonly #nodes: Node[] = []
  readonly #names: readonly string[]
  #sessions = 0
  #lives = 0

  constructor(seed: number, make = makeRoster) {
    this.#random = new Random(seed)
    this.#make = make
    this.#names = ['a', 'b', 'c'].slice(0, this.#random.between(1, 3))
    for (let count = this.#random.between(2, 4); count > 0; count--) this.#nodes.push(this.#makeNode())
  }

  fail(what: string): void {
    this.broken ??= what
  }

  /** Plays, and comes to rest; returns what is broken. */
  play(): string | undefined {
    const random = this.#random
    const isCalm = random.chance(0.3)
    for (let step = random.between(5, 60); step > 0; step--) {
      this.#step(isCalm)
      if (random.chance(0.7)) this.#deliver(random.below(6))
      if (random.chance(0.4)) this.clock.advance(random.below(random.pick([20, 500, 4000])))
    }
    this.#rest()
    return this.broken
  }

  #makeNode(): Node {
    this.#lives += 1
    return new Node(`n${this.#lives}`, this, this.#make)
  }

  #step(isCalm: boolean): void {
    const random = this.#random
    const node = random.pick(this.#nodes)
    const what = random.below(isCalm ? 9 : 13)
    if (what < 4) this.#add(node)
    else if (what < 5) {
      const [incarnation] = [...node.locals.keys()]
      if (incarnation !== undefined) this.#remove(node, incarnation)
    } else if (what < 9) this.#connect(node, random.pick(this.#nodes))
    else if (what < 12) {
      const end = random.pick([...node.ends.values()])
      if (end === undefined) return
      const status = random.pick(['cut', 'live', 'silent', 'ended'] as const)
      if (status === 'ended') this.#end(end)
      else if (status === 'silent') node.roster.suspect(end.id, random.chance(0.6))
      else end.become(status)
    } else {
      // a crash: the others see their links cut, and later ended
      const at = this.#nodes.indexOf(node)
      this.#nodes[at] = this.#makeNode()
      node.roster.close()
      for (const { other } of node.ends.values()) other?.become('cut')
      for (const { other } of node.ends.values()) if (other !== undefined) other.other = undefined
    }
  }

  #add(node: Node): void {
    const name = this.#random.pick(this.#names)
    const incarnation = this.#random.bytes(16).toString('hex')
    const takeover = this.#random.chance(0.3)
    const claim = { name, incarnation, epoch: 0, takeover, answers: new Map() }
    // of more a process is refused, also while a withdrawal is on its way
    if ((node.added.get(name) ?? 0) === maxRivals) return
    node.added.set(name, (node.added.get(name) ?? 0) + 1)
    if (node.roster.addLocal(claim) === undefined) node.locals.set(incarnation, name)
  }

  #remove(node: Node, incarnation: string): void {
    node.locals.delete(incarnation)
    node.roster.removeLocal(incarnation)
  }

  #connect(one: Node, other: Node): void {
    if (one === other) return
    const number = ++this.#sessions
    const left = new End(`s${number}l`, one)
    const right = new End(`s${number}r`, other)
    left.other = right
    right.other = left
    one.begin(left)
    other.begin(right)
  }

  #end(end: End): void {
    for (const one of [end, end.other]) {
      one?.node.ends.delete(one.id)
      one?.become('ended')
    }
  }

  #deliver(count: number): void {
    const ends = this.#nodes.flatMap(({ ends }) => [...ends.values()])
    if (ends.length > 0) for (let time = 0; time < count; time++) this.#random.pick(ends).take(this.#random.below(5))
  }

  /** All nodes have links to all others, or to one alone; everything arrives, and time passes. */
  #rest(): void {
    const isStar = this.#random.chance(0.4)
    for (const node of this.#nodes) {
      for (const end of [...node.ends.values()]) {
        if (end.other === undefined || isStar) this.#end(end)
        else end.become('live')
      }
    }
    const [hub] = this.#nodes
    for (const one of isStar ? [hub as Node] : this.#nodes)
      for (const other of this.#nodes) if (one.id < other.id || isStar) this.#connect(one, other)
    for (let quiet = 0, round = 0; quiet < 10; round++) {
      const ends = this.#nodes.flatMap(({ ends }) => [...ends.values()])
      quiet = ends.every(({ inbox }) => inbox.length === 0) ? quiet + 1 : 0
      for (const end of ends) end.take(this.#random.between(1, 3))
      if (quiet > 0) this.clock.advance(500)
      if (round > 2000) {
        this.fail('no rest')
        return
      }
    }
    this.#checkNames(isStar ? [hub as Node] : this.#nodes)
    for (const node of this.#nodes) this.#checkNode(node)
    if (this.clock.timers > 0) this.fail(`${this.clock.timers} timers are left`)
  }

  #checkNames(nodes: readonly Node[]): void {
    for (const name of this.#names) {
      const views = nodes.map(({ roster }) => roster.find(name)?.ref.incarnation)
      const [view] = views
      if (new Set(views).size !== 1) this.fail(`the nodes see ${views.join(', ')} as ${name}`)
      const wanted = this.#nodes.some(({ locals }) => [...locals.values()].includes(name))
      if (wanted !== (view !== undefined)) this.fail(`${name} is held by ${view}, and wanted: ${wanted}`)
      const holders = this.#nodes.filter(({ locals }) => view !== undefined && locals.has(view))
      if (view !== undefined && holders.length !== 1) this.fail(`${holders.length} nodes have the holder of ${name}`)
    }
  }

  #checkNode({ roster, ends, present, id }: Node): void {
    const { peers, claims } = roster
    for (const { ref } of peers)
      if (present.get(ref.name) !== ref.incarnation) this.fail(`${id} did not see ${ref.name}`)
    if (present.size !== peers.length) this.fail(`${id} saw ${present.size} peers`)
    for (const { name, incarnation, epoch } of claims) {
      const answers = [...ends.values()].map((end) => {
        const isAccepted = roster.isAccepted(end.id, incarnation)
        const isPresent = end.other?.node.roster.isPresent(end.other.id, incarnation)
        if (isAccepted !== isPresent) this.fail(`${id}: ${name} is accepted: ${isAccepted}, and present: ${isPresent}`)
        return isAccepted
      })
      const isHeld = answers.length === 0 || answers.includes(true)
      if (isHeld && epoch === 0) this.fail(`${name} is not held at rest`)
    }
  }
}
