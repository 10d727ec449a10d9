/** A router and dealers with all that they were told: what a session would drive, without one. */

import type { Test } from 'tap'
import { systemClock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Links } from '../../src/resource/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { DealerSocket, onlyPeer, type PeerHandle, RouterSocket } from '../../src/socket/index.js'

/** The largest frame in these tests, in bytes. */
export const maxFrameBytes = 100_000

/** What both ends were told. */
class Told {
  /** Everything in its order: `up`, `gone`, `bad`, and the text of frames. */
  readonly events: string[] = []
  readonly bad: RivuletError[] = []
  /** Failures that nobody waits for: refused strangers, the watchdog. */
  readonly errors: RivuletError[] = []
  /** Reasons of `onGone` that are none of leaving or being cut. */
  readonly reasons: RivuletError[] = []
  readonly links = new Links({
    resource: () => 'test',
    clock: systemClock,
    onRefused: (error) => this.errors.push(error),
  })
  /** What each peer has sent. */
  readonly received = new Map<PeerHandle, string[]>()
  frames = 0

  take(peer: PeerHandle, frame: Buffer): string {
    const text = frame.toString('latin1')
    const texts = this.received.get(peer)
    if (texts) texts.push(text)
    else this.received.set(peer, [text])
    this.frames += 1
    return text
  }

  environment(name: string, runtime: Runtime) {
    const { links, errors } = this
    return {
      name,
      runtime,
      links,
      insecure: false,
      onError: (error: RivuletError) => errors.push(error),
      maxFrameBytes,
    }
  }

  goneFor(error: RivuletError | undefined): void {
    this.events.push('gone')
    if (error) this.reasons.push(error)
  }
}

/** A router that remembers, and answers what begins with a question mark. */
export class RouterEnd extends Told {
  /** Who has gone, in order. */
  readonly gone: PeerHandle[] = []
  socket!: RouterSocket

  static async open(t: Test, runtime: Runtime, ...bind: string[]): Promise<RouterEnd> {
    const end = new RouterEnd()
    end.socket = await RouterSocket.open(
      { ...end.environment('router', runtime), bind },
      {
        onFrame: (peer, frame) => {
          const text = end.take(peer, frame)
          end.events.push(text)
          if (text.startsWith('?')) end.socket.send(peer, frame)
        },
        onBad: (_peer, error) => end.bad.push(error),
        onGone: (peer, error) => {
          end.gone.push(peer)
          end.goneFor(error)
        },
        onUp: () => t.fail('a router has no `onUp`'),
      },
    )
    t.teardown(() => end.socket.close(0))
    end.socket.start()
    return end
  }

  get endpoint(): string {
    return this.socket.endpoints[0] as string
  }

  /** Peers whose first frame was this one. */
  peerOf(first: string): PeerHandle {
    for (const [peer, texts] of this.received) if (texts[0] === first) return peer
    throw new Error(`nobody sent '${first}' first`)
  }
}

/** A dealer that remembers, and says its name at the start of each connection. */
export class DealerEnd extends Told {
  ups = 0
  socket!: DealerSocket

  /** @param name - What it says first on each connection; nothing if it is empty. */
  static async open(t: Test, runtime: Runtime, connect: string, name = ''): Promise<DealerEnd> {
    const end = new DealerEnd()
    end.socket = await DealerSocket.open(
      { ...end.environment('dealer', runtime), connect: { address: connect, serverKeys: [] } },
      {
        onFrame: (peer, frame) => void end.take(peer, frame),
        onBad: (_peer, error) => end.bad.push(error),
        onGone: (_peer, error) => end.goneFor(error),
        onUp: () => {
          end.ups += 1
          end.events.push('up')
          if (name !== '') end.send(name)
        },
      },
    )
    t.teardown(() => end.socket.close(0))
    end.socket.start()
    t.equal(end.ups, 0, 'nothing is told from within `start`, and not before')
    return end
  }

  send(text: string): void {
    this.socket.send(onlyPeer, Buffer.from(text, 'latin1'))
  }

  /** What has arrived, in order. */
  get texts(): readonly string[] {
    return this.received.get(onlyPeer) ?? []
  }
}
