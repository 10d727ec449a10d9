/** A dialer and an acceptor that know each other by keys, and other peers of that acceptor. */
import { writeProof } from '../../src/session/handshake.js'
import type { Verdict } from '../../src/session/index.js'
import { Challenge, frameKind, type Proof, readRecordFrame } from '../../src/wire/index.js'
import { helloOf, LinkPair, look, settings } from './link-pair.js'
import { ToyAuthenticator, ToyKey, ToyProver } from './toy-proof.js'

/** Who takes part: the acceptor, two that it admits, and one that it does not. */
export const [server, alice, bob, eve] = ['server', 'alice', 'bob', 'eve'].map((name) => new ToyKey(name)) as [
  ToyKey,
  ToyKey,
  ToyKey,
  ToyKey,
]

/** Random bytes that say how often they were asked for. */
export function nonces(first: number): () => Buffer {
  let next = first
  return () => Buffer.alloc(32, next++)
}

/** A pair whose acceptor admits alice and bob; alice dials. */
export function secured(
  key: ToyKey | null = alice,
  servers: readonly ToyKey[] = [server],
): { readonly link: LinkPair; readonly authenticator: ToyAuthenticator } {
  const authenticator = new ToyAuthenticator(server, [alice, bob], nonces(1))
  const link = new LinkPair({ authenticator, ...(key ? { prover: new ToyProver(key, servers, nonces(101)) } : {}) })
  return { link, authenticator }
}

/** The frames that the acceptor has sent to another connection. */
export function sentTo(link: LinkPair, peer: string): Buffer[] {
  const frames = link.elsewhere.filter((one) => one.peer === peer).map(({ frame }) => frame)
  link.elsewhere.splice(0, Infinity, ...link.elsewhere.filter((one) => one.peer !== peer))
  return frames
}

/** The last of the frames, a challenge. */
export const challengeIn = (frames: readonly Buffer[]): Challenge =>
  readRecordFrame(Challenge, frames.at(-1) as Buffer, frameKind.challenge, undefined)

/** The kinds of frames. */
export const kinds = (frames: readonly Buffer[]): number[] => frames.map((frame) => look(frame).kind)

/** Another peer of the acceptor says hello with a key, and returns what it is answered. */
export function dial(link: LinkPair, peer: string, key: ToyKey, fields: Parameters<typeof helloOf>[0] = {}): Buffer[] {
  const hello = { session: Buffer.alloc(16, 9), connection: 1, resume: false, ...fields }
  take(link, peer, helloOf({ capabilities: ['proof'], ...hello }))
  const asked = sentTo(link, peer)
  if (kinds(asked)[0] !== frameKind.challenge) return asked
  const proof = new ToyProver(key, [server], nonces(201)).prove(
    { ...hello, received: 0, minVersion: 1, maxVersion: 1, capabilities: [], limits: settings.limits, extensions: {} },
    challengeIn(asked),
  )
  take(link, peer, writeProof(proof as Proof))
  return sentTo(link, peer)
}

function take({ acceptor }: LinkPair, peer: string, frame: Buffer): void {
  if (!acceptor.receive(peer, frame)) while (!acceptor.takeRest());
}

/** A pair whose acceptor decides about a proof when it is told to; `decide` resolves when that has been seen. */
export function undecided(): ReturnType<typeof secured> & { decide(verdict: Verdict): Promise<void> } {
  const pair = secured()
  let resolve = (_: Verdict) => {}
  const decision = new Promise<Verdict>((decided) => {
    resolve = decided
  })
  pair.authenticator.verify = () => decision
  const decide = async (verdict: Verdict) => {
    resolve(verdict)
    await decision
    await Promise.resolve()
  }
  return { ...pair, decide }
}
