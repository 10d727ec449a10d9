/**
 * A process that speaks messaging to the nodes of others, with a key of its own, and lies: about who it is, about names and
 * incarnations that are another's, about what it was told, and in the numbers of its messages.
 *
 * It has one peer, which it does not lie about. What it learns of others it takes from the simulation.
 */
import { type MeetRequest, MessagingService } from '../../patterns/messaging/wire.js'
import { codecOf } from '../../src/avro/codec.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, CallHost, type ClientMethod, clientItems, defaultStreamOptions } from '../../src/call/index.js'
import type { PeerInfo, SessionStreams, SessionUser } from '../../src/session/index.js'
import { addressOf } from './link-ends.js'
import { noteSchemas } from './messaging-peer.js'
import type { MessagingProcess, MessagingWorld } from './messaging-process.js'
import { Said } from './said.js'
import { SimulatedLinks } from './simulated-links.js'
import { TurnProcess } from './turn-process.js'

/** The name of its peer. */
export const liarName = 'liar'

const waitMs = [1, 100] as const

/** The codec of its messages. */
const codec = codecOf(noteSchemas[0])

/** Epochs of claims that are not true, the highest of all among them, and some that no claim may have. */
const epochs = [0, 1, 7, 2 ** 40]
const invalidEpochs = [-1, 2 ** 40 + 1, 2 ** 53]

/** What it says to one other node. */
interface Talk {
  readonly streams: SessionStreams
  readonly calls: CallClient
  readonly victim: MessagingProcess
  readonly meet: Said<MeetRequest>
}

/** A process that lies. */
export class LyingNode extends TurnProcess {
  declare readonly world: MessagingWorld
  readonly #honest: readonly MessagingProcess[]
  #links: SimulatedLinks | undefined
  #talks: Talk[] = []
  readonly #id: string
  readonly #incarnation: string
  #attempts = 0

  constructor(name: string, world: MessagingWorld, honest: readonly MessagingProcess[]) {
    super(name, world, world.plan.link.heartbeatMs)
    this.#honest = honest
    this.#id = this.random.bytes(16).toString('hex')
    this.#incarnation = this.random.bytes(16).toString('hex')
  }

  override boot(): void {
    this.start()
    const { clock, world } = this
    world.oracle.hasLiar(this.#incarnation)
    this.enqueue(() => {
      const handlers = new Map([['meet', (requests: unknown) => this.#answer(requests as AsyncIterable<MeetRequest>)]])
      const calls = new CallHost([{ codec: serviceOf(MessagingService), handlers }], { clock, report: () => {} })
      const accept = (streams: SessionStreams, peer: PeerInfo) => this.#meet(streams, peer)
      this.#links = new SimulatedLinks(this, { link: world.plan.link, waitMs }, [{ items: clientItems, accept }, calls])
      this.#links.listen(addressOf(this.name))
      this.#links.follow(this.#honest.map(({ name }) => addressOf(name)))
    })
  }

  override crash(): void {
    this.#links?.drop()
    this.#talks = []
    this.stop()
  }

  override report(): void {}

  /** Tells a lie. */
  act(): void {
    this.enqueue(() => {
      this.#talks = this.#talks.filter(({ streams }) => streams.status !== 'ended')
      const talk = this.random.pick(this.#talks)
      if (talk === undefined) return
      const lie = this.random.below(5)
      this.note('lies', lie)
      // what is said before there is a session may come to a victim that has started again, and knows nobody's key
      const isThere = talk.streams.status === 'live'
      if (lie === 0 && isThere) this.#claim(talk)
      else if (lie === 1 && isThere) this.#steal(talk)
      else if (lie <= 2) this.#nonsense(talk)
      else this.#deliver(talk, lie === 3)
    })
  }

  protected override tick(): void {
    this.#links?.tick()
  }

  #meet(streams: SessionStreams, { dialed }: PeerInfo): SessionUser {
    const { clock, name, random } = this
    const calls = new CallClient({ clock, failoverMs: 1000, name: () => name, report: () => {} })
    const user = calls.accept(streams)
    const victim = this.#honest.find((one) => dialed === addressOf(one.name))
    if (victim === undefined) return user
    const meet = new Said<MeetRequest>()
    // with another key the id is another node's: nothing is taken from the one that it belongs to
    const known = this.#honest.filter((one) => one !== victim)
    const isOther = this.world.keyring !== undefined && random.chance(0.2)
    const node = (isOther ? random.pick(known)?.node?.id : undefined) ?? this.#id
    meet.say({ hello: { node, endpoints: [addressOf(this.name)] }, joined: [this.#own()], complete: true })
    const call = calls.stream(methodOf(calls, 'meet'), meet, defaultStreamOptions)
    call.responses?.subscribe({ error: () => {} })
    this.#talks.push({ streams, calls, victim, meet })
    return user
  }

  #own() {
    return { name: liarName, incarnation: this.#incarnation, epoch: 1, answers: [] }
  }

  /** Claims a name that is held under another key. Without keys the name would be its, by the higher epoch. */
  #claim({ victim, meet }: Talk): void {
    const { random, world } = this
    if (world.keyring === undefined) return
    const { roster, id = '' } = victim.node ?? {}
    const held = (roster?.peers ?? []).filter(({ epoch, ref }) => epoch > 0 && ref.name !== liarName)
    const one = random.pick(held)
    if (one === undefined) return
    world.oracle.belongs(id, one.ref)
    const [incarnation, epoch] = [random.bytes(16).toString('hex'), random.pick(epochs)]
    meet.say({ joined: [{ name: one.ref.name, incarnation, epoch, takeover: random.chance(0.5), answers: [] }] })
  }

  /** Says that a peer of another node is its own, where peers have keys, or that it has left. */
  #steal({ victim, meet }: Talk): void {
    const { random, world } = this
    const others = (victim.node?.roster.peers ?? []).filter(({ ref }) => ref.name !== liarName)
    const one = random.pick(others)
    if (one === undefined) return
    // without keys the name, or the incarnation, would be its, once the other peer has left
    const hasKeys = world.keyring !== undefined
    const isOwned = hasKeys && one.epoch > 0
    if (isOwned) world.oracle.belongs(victim.node?.id ?? '', one.ref)
    const { incarnation } = one.ref
    const name = isOwned && random.chance(0.5) ? one.ref.name : liarName
    const [claim, left] = [{ name, incarnation, epoch: random.pick(epochs), answers: [] }, incarnation]
    meet.say(random.chance(0.7) && hasKeys ? { joined: [claim] } : { left: [left] })
  }

  /** Says what no node says. */
  #nonsense({ meet }: Talk): void {
    const { random } = this
    const incarnation = random.pick(['', 'nobody', random.bytes(16).toString('hex')])
    const name = random.pick(['', 'x'.repeat(256), 'nobody'])
    meet.say({ joined: [{ name, incarnation, epoch: random.pick(invalidEpochs), answers: [] }] })
  }

  /** Sends messages whose numbers are out of order, or that are said to be another's. */
  #deliver({ calls, victim }: Talk, isOwn: boolean): void {
    const { random } = this
    const to = random.pick([...victim.peers])
    const known = (victim.node?.roster.peers ?? []).filter(({ ref }) => ref.name !== liarName)
    const sender = isOwn
      ? this.#own()
      : random.pick(known.map(({ ref: { name, incarnation }, epoch }) => ({ name, incarnation, epoch })))
    if (to === undefined || sender === undefined) return
    const from = { name: sender.name, incarnation: sender.incarnation, epoch: sender.epoch }
    const said = new Said<unknown>()
    const { name, incarnation } = to.ref
    this.#attempts += random.pick([0, 1, 1, 1])
    said.say({ open: { attempt: this.#attempts, from, to: { name, incarnation } } })
    for (let number = 1, count = random.between(1, 5); number <= count; number++) {
      const sequence = random.between(1, 6)
      const notes = Array.from({ length: random.between(1, 3) }, (_, at) => sequence + at)
      const bodies = notes.map((number) => noteSchemas[0].encode({ from: from.incarnation, number, padding: '' }))
      said.say({
        batch: {
          number,
          sequence,
          schemaId: codec.schemaId,
          schema: codec.text,
          lengths: bodies.map(({ length }) => length),
          bodies: Buffer.concat(bodies),
        },
      })
    }
    const call = calls.stream(methodOf(calls, 'deliver'), said, defaultStreamOptions)
    call.responses?.subscribe({ error: () => {} })
  }

  /** Accepts and refuses the peers of others as chance has it. */
  async *#answer(requests: AsyncIterable<MeetRequest>) {
    const { random } = this
    for await (const { joined = [] } of requests) {
      const accepted: string[] = []
      const refused: unknown[] = []
      for (const { incarnation } of joined) {
        if (random.chance(0.7)) accepted.push(incarnation)
        else refused.push({ incarnation, code: 'RIVULET_NAME_TAKEN', message: 'a lie', epoch: random.pick(epochs) })
      }
      yield { accepted, refused }
    }
  }
}

function methodOf(calls: CallClient, name: string): ClientMethod {
  return calls.bind(serviceOf(MessagingService)).methods.get(name) as ClientMethod
}
