/** Attacks on a victim with security by peers whose key it does not admit, or that have none. */
import { Dealer, type Socket as NativeSocket, Publisher, Pull, Push, Router, Subscriber } from 'zeromq'
import { generateKeyPair } from '../../../src/security/index.js'
import { greetingWith, zmtpCommand } from '../../support/raw-zmtp.js'
import { type Attack, type AttackContext, noise, oneOf } from '../attack.js'
import { patternNames, peerSockets } from '../patterns.js'
import { each, sayAndWait } from './connections.js'

const sockets = { DEALER: Dealer, ROUTER: Router, PUSH: Push, PULL: Pull, XSUB: Subscriber, XPUB: Publisher }

/** How a stranger may present itself. */
const presentations: readonly ((serverKey: string) => object)[] = [
  (curveServerKey) => {
    const { publicKey, secretKey } = generateKeyPair()
    return { curveServerKey, curvePublicKey: publicKey, curveSecretKey: secretKey }
  },
  () => {
    const { publicKey, secretKey } = generateKeyPair()
    return { curveServerKey: generateKeyPair().publicKey, curvePublicKey: publicKey, curveSecretKey: secretKey }
  },
  () => ({ plainUsername: 'honest', plainPassword: 'honest' }),
  () => ({}),
]

/** Connects once, and resolves when the victim has refused it. */
async function knock({ target, did }: AttackContext, presentation: object): Promise<void> {
  const kind = sockets[peerSockets[target.pattern] as keyof typeof sockets]
  // never again: each of these is one connection
  const socket = new kind({ linger: 0, reconnectInterval: -1, ...presentation }) as NativeSocket
  const refused = new Promise<void>((resolve) => {
    socket.events.on('connect', () => did({ refused: 1 }))
    for (const name of ['disconnect', 'handshake:error:auth', 'handshake:error:protocol', 'close'] as const) {
      socket.events.on(name, () => resolve())
    }
    socket.events.on('handshake:error:other', () => resolve())
  })
  did({ connections: 1 })
  socket.connect(target.endpoint)
  await refused
  socket.close()
}

/** Peers of the library with an unknown key, the wrong key of the server, a password, or nothing. */
const unknownKeys: Attack = {
  name: 'unknown-keys',
  patterns: patternNames,
  counted: [],
  secured: 'only',
  run: (context) =>
    each(8 * context.scale, async () => {
      await knock(context, oneOf(context.random, presentations)(context.target.serverKey as string))
    }),
}

/** A greeting with CURVE, and a HELLO that is cut, random, or of another length. */
const halfCurve: Attack = {
  name: 'half-curve',
  patterns: patternNames,
  counted: [],
  secured: 'only',
  run: (context) =>
    each(8 * context.scale, async (index) => {
      const hello = zmtpCommand('HELLO', noise(context.random, index % 2 === 0 ? 194 : 1 + (index % 250)))
      const whole = Buffer.concat([greetingWith('CURVE'), hello])
      await sayAndWait(
        context,
        index % 3 === 0 ? whole : whole.subarray(0, 1 + Math.floor(context.random() * whole.length)),
      )
    }),
}

/** The attacks. */
export const strangerAttacks: readonly Attack[] = [unknownKeys, halfCurve]
