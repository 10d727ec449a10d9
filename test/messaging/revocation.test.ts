/** A key that is revoked while six peers send and ask each other at full rate: it alone is cut, until it is admitted again. */
import { BehaviorSubject, NEVER } from 'rxjs'
import t, { type Test } from 'tap'
import { createPeer, type Peer, type PeerOptions } from '../../patterns/messaging/index.js'
import { type AllowList, generateKeyPair } from '../../src/security/index.js'
import { first, turn, until } from '../support/events.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { echo, LoadedPairs } from './loaded-pairs.js'
import { failure, Report, sees, sight } from './peers.js'

const names = ['anna', 'bert', 'mallory', 'cleo', 'dora', 'emil'] as const
type Name = (typeof names)[number]

const keys = Object.fromEntries(names.map((name) => [name, generateKeyPair()])) as Record<
  Name,
  ReturnType<typeof generateKeyPair>
>
const everybody: AllowList = Object.fromEntries(names.map((name) => [name, keys[name].publicKey]))
const { mallory: _, ...honest } = everybody as Record<Name, string>

/** What may become of a message or an ask between an honest peer and the one whose key is revoked, if it does not succeed. */
const cut: ReadonlySet<string> = new Set(['RIVULET_UNKNOWN_OUTCOME maybe', 'RIVULET_PEER_GONE maybe'])

/** Opens them, each in a runtime of its own: a later one dials the earlier ones, so that some dial mallory and mallory dials some. */
async function assemble(
  t: Test,
  { transport }: Place,
  allow: BehaviorSubject<AllowList>,
  enter: (peer: Peer) => void,
): Promise<Record<Name, Peer>> {
  const peers: Peer[] = []
  for (const name of names) {
    const { runtime, bind } = place(t, transport)
    const connect = peers.map((other) => ({
      address: other.endpoint,
      serverKey: keys[other.self.name as Name].publicKey,
    }))
    // nobody takes anything off the list of the one that is revoked
    const security = { keyPair: keys[name], allow: name === 'mallory' ? everybody : allow }
    const peer = await createPeer({ name, bind, ...(connect.length > 0 && { connect }), runtime, security })
    peer.errors.subscribe(() => {})
    enter(peer)
    peers.push(peer)
  }
  await Promise.all(peers.map((peer) => sees(peer, ...names.filter((name) => name !== peer.self.name))))
  return Object.fromEntries(peers.map((peer) => [peer.self.name, peer])) as Record<Name, Peer>
}

eachTransport(
  t,
  'a revoked peer leaves once, nobody else loses anything, and it comes back when it is admitted',
  async (t, at) => {
    const allow = new BehaviorSubject(everybody)
    const faults: string[] = []
    const pairs = new LoadedPairs(
      (what) => faults.push(what),
      (outcome, from, to) => [from, to].includes('mallory') && cut.has(outcome),
    )
    const peers = await assemble(t, at, allow, (peer) => pairs.enter(peer))
    const { mallory, anna, emil } = peers
    const others = names.filter((name) => name !== 'mallory')
    const seen = new Map(names.map((name) => [name, sight(peers[name])]))
    const of = (name: Name, other: Name) => seen.get(name)?.filter((event) => event.endsWith(` ${other}`))
    pairs.start()
    const isFaulty = () => faults.length > 0
    await pairs.progress(20, isFaulty)

    allow.next(honest)
    await until(() => others.every((name) => of(name, 'mallory')?.length === 2) && mallory.peers.length === 0)
    // both sides dial again and again
    const refusals = ['anna', 'bert'].map((name) =>
      first(peers[name as Name].securityEvents, ({ kind, reason }) => kind === 'refused' && reason === 'unknown-key'),
    )
    await pairs.progress(20, isFaulty, ({ from, to }) => from !== mallory && to !== mallory)
    await Promise.all(refusals)
    for (const [from, to] of [
      [mallory, 'anna'],
      [mallory, 'emil'],
      [anna, 'mallory'],
      [emil, 'mallory'],
    ] as const) {
      const now = { waitForReady: false }
      t.equal(await failure(from.send(to, Report, { id: -1 }, now)), 'RIVULET_PEER_GONE no', `${from.self.name} sends`)
      t.equal(await failure(from.ask(to, echo, -1, now)), 'RIVULET_UNKNOWN_PEER no', `${from.self.name} asks`)
    }
    for (const name of others) t.strictSame(of(name, 'mallory'), ['joined mallory', 'left mallory'])

    allow.next(everybody)
    await Promise.all(names.map((name) => sees(peers[name], ...names.filter((other) => other !== name))))
    await pairs.progress(20, isFaulty)
    await pairs.stop()
    await until(() => isFaulty() || pairs.all.every((pair) => pair.isSettled))
    pairs.check()
    t.strictSame(faults, [])
    for (const name of others) {
      t.strictSame(of(name, 'mallory'), ['joined mallory', 'left mallory', 'joined mallory'])
      t.strictSame(of('mallory', name), [`joined ${name}`, `left ${name}`, `joined ${name}`])
      for (const other of others) if (other !== name) t.strictSame(of(name, other), [`joined ${other}`])
    }
    for (const { self } of Object.values(peers)) {
      const { accepted, sent, dropped, pending } = peers[self.name as Name].stats().outgoing
      t.equal(
        sent + Object.values(dropped).reduce((sum, count) => sum + count, 0),
        accepted,
        'each send has one outcome',
      )
      t.equal(pending, 0)
    }
  },
  ['ipc', 'tcp'],
)

/** Takes one message, and others once it is asked to: its mailbox holds one. */
function slow(peer: Peer): { readonly got: number[]; resume(): void } {
  const got: number[] = []
  const messages = peer.messages(Report)[Symbol.asyncIterator]()
  const take = async () => {
    const { value, done } = await messages.next()
    if (!done) got.push(value.id)
    return done
  }
  void take()
  return {
    got,
    async resume() {
      while (!(await take()));
    },
  }
}

for (const dialer of ['mallory', 'anna'] as const) {
  eachTransport(
    t,
    `what waits when a key is revoked: ${dialer} has dialed`,
    async (t, { transport, runtime }) => {
      const allow = new BehaviorSubject(everybody)
      const open = (name: Name, other?: Peer) => {
        const { bind } = place(t, transport)
        const serverKey = other && keys[other.self.name as Name].publicKey
        const connect = other && { connect: { address: other.endpoint, serverKey } }
        const security = { keyPair: keys[name], allow: name === 'mallory' ? everybody : allow }
        return createPeer({ name, bind, ...connect, runtime, security, mailboxMessages: 1 } as PeerOptions)
      }
      const bound = await open(dialer === 'anna' ? 'mallory' : 'anna')
      const dialing = await open(dialer, bound)
      const sides = [bound, dialing].map((peer) => ({ peer, mailbox: slow(peer) }))
      await Promise.all([sees(bound, dialing.self.name), sees(dialing, bound.self.name)])
      const outcomes = sides.map(async ({ peer }) => {
        peer.errors.subscribe(() => {})
        const to = peer === bound ? dialing : bound
        const send = (id: number, delivery: 'at-most-once' | 'at-least-once' = 'at-most-once') =>
          peer.send(to.self.name, Report, { id }, { delivery })
        const asked = new Promise<void>((resolve) => {
          to.answer(echo, () => {
            resolve()
            return NEVER
          })
        })
        const ask = failure(peer.ask(to.self.name, echo, 1))
        await Promise.all([send(1), asked])
        await until(() => sides.some(({ peer: one, mailbox }) => one === to && mailbox.got.length === 1))
        await send(2) // into the mailbox, and no further
        return { ask, left: failure(send(3)), repeated: send(4, 'at-least-once'), send }
      })
      const sent = await Promise.all(outcomes)
      await until(() => sides.every(({ peer }) => peer.stats().outgoing.pending === 2))
      await turn() // in which they leave
      allow.next(honest)
      for (const { left, ask } of sent) {
        t.equal(await left, 'RIVULET_UNKNOWN_OUTCOME maybe', 'a message that has left and was not confirmed')
        t.equal(await ask, 'RIVULET_PEER_GONE maybe', 'an ask that has left')
      }
      const later = sent.map(({ send }) => send(5))
      for (const { mailbox } of sides) mailbox.resume()
      allow.next(everybody)
      await Promise.all([...later, ...sent.map(({ repeated }) => repeated)])
      await until(() => sides.every(({ mailbox }) => mailbox.got.length === 4))
      for (const { mailbox } of sides) t.strictSame(mailbox.got, [1, 2, 4, 5], 'what waits arrives, once and in order')
    },
    ['tcp'],
  )
}
