/** An acceptor that holds frames, and its peers, whose every frame is in the hands of a test. */
import { Acceptor, Dialer } from '../../src/session/index.js'
import { bodyOf, itemKind, Listener, lost, settings } from './link-pair.js'

/** An acceptor that takes so many items of a frame at a time, and dialers by the names of their connections. */
export function heldLab(perShare: number, names: readonly string[]) {
  const now = () => 5000
  let left = perShare
  const spend = () => {
    left -= 1
    return left <= 0
  }
  const flushes = new Set<() => void>()
  const accepted: Listener[] = []
  const reports: string[] = []
  const acceptor = new Acceptor(
    { ...settings, maxSessions: 16 },
    {
      now,
      transmit: (peer, frame) => void dialers.get(peer)?.dialer.receive(frame),
      flushLater: (flush) => flushes.add(flush),
      spend,
      accept: (session) => {
        const listener = new Listener(session)
        accepted.push(listener)
        return listener
      },
      report: ({ code }) => void reports.push(code),
    },
  )
  const receive = (peer: string, frame: Buffer) => {
    left = perShare
    return acceptor.receive(peer, frame)
  }
  /** Gives what waits a share each: a hello is taken then. */
  const takeEach = () => {
    for (let waiting = acceptor.held.size; waiting > 0; waiting--) {
      left = perShare
      acceptor.takeRest()
    }
  }
  const open = (name: string, index: number) => {
    /** What it has sent and the acceptor was not given. */
    const sent: Buffer[] = []
    const listeners: Listener[] = []
    let sessions = 0
    const dialer: Dialer = new Dialer(settings, {
      now,
      random: (bytes) => Buffer.alloc(bytes, index + 1 + 16 * sessions++),
      transmit: (frame) => void sent.push(frame),
      flushLater: () => flushes.add(() => dialer.flush()),
      spend: () => false,
      reconnect: () => {},
      accept: (session) => {
        const listener = new Listener(session)
        listeners.push(listener)
        return listener
      },
      report: ({ code }) => void reports.push(code),
    })
    dialers.set(name, { dialer })
    dialer.up()
    receive(name, sent.pop() as Buffer)
    takeEach()
    for (let frame = sent.shift(); frame; frame = sent.shift()) receive(name, frame)
    const client = () => listeners.at(-1) as Listener
    let stream = client().session.openStream()
    return {
      dialer,
      sent,
      /** Replaces the connection and resumes; the acceptor has taken its hello, and `sent` is what follows. */
      reconnect(connection: string): void {
        dialer.down(lost)
        dialers.set(connection, { dialer })
        dialer.up()
        for (const frame of sent.splice(0)) receive(connection, frame)
        takeEach()
      },
      /** Ends the session and begins another on its connection; returns the goodbye and the hello. */
      startAgain(): readonly [Buffer, Buffer] {
        dialer.revoke(true)
        stream = client().session.openStream()
        const [goodbye, hello] = sent.splice(0)
        return [goodbye as Buffer, hello as Buffer]
      },
      /** Sends items in a frame, which is not given to the acceptor. */
      frame(...texts: string[]): Buffer {
        for (const text of texts) client().session.send(stream, itemKind, 0, bodyOf(text))
        flush()
        return sent.pop() as Buffer
      },
    }
  }
  const flush = () => {
    for (const one of [...flushes]) {
      flushes.delete(one)
      one()
    }
  }
  const dialers = new Map<string, { dialer: Dialer }>()
  const peers = names.map(open)
  return {
    acceptor,
    peers,
    reports,
    receive,
    texts: () => accepted.map(({ texts }) => texts.join('')),
    servers: accepted,
    takeRest() {
      left = perShare
      return acceptor.takeRest()
    },
  }
}

/** A peer of it. */
export type HeldPeer = ReturnType<typeof heldLab>['peers'][number]
