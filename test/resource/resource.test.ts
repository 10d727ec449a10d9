/** Resources over a transport that is no socket, over another resource, and over nothing at all. */
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { type Closable, closeAll } from '../../src/lifecycle/index.js'
import {
  type EndpointChange,
  type EndpointCount,
  type LinkState,
  ResourceBase,
  type ResourceScope,
  type ResourceSettings,
  type Transport,
} from '../../src/resource/index.js'
import { createRuntime } from '../../src/runtime/index.js'

/** A transport with one endpoint, whose connections come and go as the test says. */
class Wire implements Transport, EndpointCount {
  readonly side = 'bind'
  readonly address = 'wire://here'
  readonly endpoints = [this.address]
  readonly done: string[] = []
  connected = 0
  readonly #scope: ResourceScope
  readonly #told: (change: EndpointChange) => void

  constructor(scope: ResourceScope) {
    this.#scope = scope
    let told = (_change: EndpointChange) => {}
    scope.links.add((callback) => {
      told = callback
      return this
    })
    this.#told = told
  }

  async open(): Promise<void> {
    this.done.push('open')
  }

  async finish(deadline: number): Promise<number> {
    this.done.push(deadline > this.#scope.runtime.clock.now() ? 'finish' : 'finish at once')
    return 2
  }

  close(lingerMs: number) {
    this.done.push(lingerMs > 0 ? 'close' : 'close at once')
    return { left: 3, released: Promise.resolve() }
  }

  ref(): void {
    this.done.push('ref')
  }

  unref(): void {
    this.done.push('unref')
  }

  isConnectedTo(endpoints: readonly string[]): boolean {
    return endpoints.includes('wire://there')
  }

  meet(): void {
    this.connected += 1
    this.#told(this.change('connected'))
  }

  change(state: LinkState): EndpointChange {
    return { state, endpoint: this.address, side: this.side, peer: undefined, attempt: 0, cause: undefined }
  }

  clear(): void {
    for (; this.connected > 0; ) {
      this.connected -= 1
      this.#told(this.change('disconnected'))
    }
  }
}

/** A resource that does nothing. */
class Thing extends ResourceBase<undefined> {
  readonly isSender: boolean
  readonly wire: Wire | undefined

  constructor(settings: ResourceSettings & { readonly isSender?: boolean; readonly wired?: boolean }) {
    super('createThing', settings)
    this.isSender = settings.isSender ?? false
    if (settings.wired) this.transport = this.wire = new Wire(this.scope)
  }

  override open(): Promise<this> {
    return super.open()
  }

  fail(): void {
    this.reports.report(new RivuletError('RIVULET_INTERNAL', `${this.name} failed`))
  }

  stats(): undefined {}
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

t.test('over a transport', async (t) => {
  const runtime = createRuntime()
  const thing = await new Thing({ runtime, wired: true }).open()
  const [states, errors]: [string[], string[]] = [[], []]
  thing.links.subscribe({
    next: ({ state, connected }) => states.push(`${state} ${connected}`),
    complete: () => states.push('end'),
  })
  thing.errors.subscribe(({ message }) => errors.push(message))
  t.strictSame([thing.status, thing.endpoint, runtime.size], ['open', 'wire://here', 1])
  const connected = thing.whenConnected()
  thing.wire?.meet()
  await connected
  thing.fail()
  thing.unref().ref()
  t.strictSame(await thing.close(), { undelivered: 5 })
  t.strictSame(thing.wire?.done, ['open', 'unref', 'ref', 'finish', 'close'])
  t.strictSame(errors, ['thing wire://here failed'])
  t.strictSame(states, ['connected 1', 'disconnected 0', 'end'])
  t.strictSame([thing.connected, runtime.size], [0, 0])
})

t.test('a resource that is over another has its links and errors, and is closed with it', async (t) => {
  const runtime = createRuntime()
  const owner = await new Thing({ runtime, wired: true }).open()
  const guest = await new Thing({ over: owner, isSender: true }).open()
  const messages: string[] = []
  guest.errors.subscribe(({ message }) => messages.push(message))
  owner.wire?.meet()
  owner.fail()
  t.strictSame([guest.connected, runtime.size, messages.length], [1, 1, 1])
  const other = await new Thing({ over: owner }).open()
  t.strictSame(await other.close(), { undelivered: 0 })
  t.strictSame([owner.status, owner.connected], ['open', 1], 'a guest that closes takes nothing with it')
  await owner.close()
  await guest.whenClosed
  t.throws(() => new Thing({ over: owner }), { code: 'RIVULET_CLOSED' })
})

t.test('a resource that serves without a transport keeps the process alive, and has no timer of its own', async (t) => {
  const runtime = createRuntime()
  const before = timers()
  const sender = await new Thing({ runtime, isSender: true }).open()
  t.equal(timers(), before, 'what uses others is kept alive by them')
  const servers = await Promise.all([1, 2, 3].map(() => new Thing({ runtime }).open()))
  t.equal(timers(), before + 1)
  for (const server of servers) server.unref()
  t.equal(timers(), before)
  for (const server of servers) server.ref().ref()
  t.equal(timers(), before + 1)
  await closeAll([sender, ...servers])
  t.equal(timers(), before)
})

t.test('users of a resource close before it, as their transports say', async (t) => {
  const order: string[] = []
  const note = (name: string, one: Closable) => void one.whenClosed.then(() => order.push(name))
  const runtime = createRuntime()
  const server = await new Thing({ runtime, wired: true }).open()
  const user = await new Thing({ runtime, wired: true, isSender: true }).open()
  Object.assign(server.wire as object, { endpoints: ['wire://there'] })
  note('server', server)
  note('user', user)
  await closeAll([server, user])
  t.strictSame(order, ['user', 'server'])
})
