/**
 * The native sockets of a hub, as its machines use them: `hub-ends.ts` has the interfaces.
 *
 * What frames say, and what is answered, is decided by `hub-upstream.ts` and `hub-below.ts`.
 */
import type { RivuletError } from '../../src/errors/index.js'
import type { ResourceScope } from '../../src/resource/index.js'
import type { SecurityGuard } from '../../src/security/index.js'
import { type ConnectEndpoint, HandshakeGate, type Outbox } from '../../src/socket/index.js'
import type {
  PublishersSocket,
  PublishersSocketPorts,
  SubscribersSocket,
  SubscribersSocketPorts,
  UpstreamEndpoints,
} from './hub-ends.js'
import type { ResolvedPublishersSide, ResolvedSubscribersSide } from './hub-options.js'
import { HubSocket } from './hub-transport.js'
import { notePlain } from './plain-publishers.js'
import { publishersSocketSettings } from './publishers-socket-settings.js'
import { SubscriberSide } from './subscriber-side.js'
import { securityOfSide } from './topic-links.js'

/** A native socket to publishers. */
export class NativePublishersSocket implements PublishersSocket {
  readonly socket: HubSocket
  readonly #gate: HandshakeGate

  constructor(
    scope: ResourceScope,
    where: UpstreamEndpoints,
    options: ResolvedPublishersSide,
    ports: PublishersSocketPorts,
  ) {
    const { insecure, security } = options
    this.#gate = HandshakeGate.of(scope.runtime)
    const settings = publishersSocketSettings(options, this.#gate.name)
    this.socket = new HubSocket(
      scope,
      { ...where, insecure, security: securityOfSide(security, where.bind.length > 0 ? 'bind' : 'connect') },
      settings,
      { onFrame: (parts) => ports.onFrame(parts), onLost: () => {} },
    )
  }

  get address(): string {
    return this.socket.address
  }

  get endpoints(): readonly string[] {
    return this.socket.sockets.endpoints
  }

  get connect(): readonly ConnectEndpoint[] {
    return this.socket.sockets.connect
  }

  get links(): PublishersSocket['links'] {
    return this.socket.links
  }

  set reading(on: boolean) {
    this.socket.current.reading = on
  }

  open(): Promise<void> {
    return this.socket.open()
  }

  send(frame: Buffer): void {
    this.socket.current.outbox.add({ parts: frame, messages: 0, bytes: frame.length })
  }

  malformed(): void {
    this.#gate.malformed()
  }

  plain(count: number, topic: Buffer | undefined): void {
    notePlain(this.socket.sockets.guard, count, topic)
  }

  whenQuiet(): Promise<unknown> {
    return this.socket.current.whenQuiet()
  }

  release(): void {
    this.#gate.open()
  }

  close(): void {
    this.socket.sockets.close(0)
  }
}

/** The native socket to which subscribers are linked, and what it costs. */
export class NativeSubscribersSocket implements SubscribersSocket {
  readonly socket: HubSocket
  readonly side: SubscriberSide
  readonly #ports: SubscribersSocketPorts

  constructor(
    scope: ResourceScope,
    options: ResolvedSubscribersSide,
    name: () => string,
    ports: SubscribersSocketPorts,
  ) {
    this.#ports = ports
    this.side = new SubscriberSide(options, {
      runtime: scope.runtime,
      name,
      report: scope.report,
      socket: () => this.socket.current,
      isShut: () => this.isShut,
      renew: () => this.socket.renew(),
      subscription: (subscribed, prefix) => ports.subscription(subscribed, prefix),
      reset: () => ports.reset(),
      request: (request) => ports.request(request),
    })
    const settings = { ...this.side.settings, whenRoom: ports.whenRoom }
    this.socket = new HubSocket(scope, options, settings, {
      onFrame: (parts) => this.side.onFrame(parts),
      onLost: (messages) => ports.lost(messages),
    })
  }

  get outbox(): Outbox {
    return this.socket.current.outbox
  }

  get endpoints(): readonly string[] {
    return this.socket.sockets.endpoints
  }

  get connect(): readonly ConnectEndpoint[] {
    return this.socket.sockets.connect
  }

  get guard(): SecurityGuard | undefined {
    return this.socket.sockets.guard
  }

  get isShut(): boolean {
    return this.socket.sockets.isShut
  }

  set reading(on: boolean) {
    this.socket.current.reading = on
  }

  async open(): Promise<void> {
    await this.socket.open()
    this.socket.links.changes.subscribe(({ connected }) => {
      if (connected > 0) return
      this.side.noSubscriber()
      this.#ports.alone()
    })
  }

  reject(error: RivuletError): void {
    this.side.reject(error)
  }

  disconnect(): string {
    const { current } = this.socket
    const { targets } = current
    current.disconnectAll()
    return targets.join(', ')
  }

  release(): void {
    this.side.close()
  }
}
