/**
 * The native context of a runtime, and how many sockets may be made in it.
 *
 * zeromq.js makes the two ends of a monitor one after the other. If only the first can be made, the library stops at the next
 * event of the monitored socket, or when that is closed or monitored again: in a thread of its own or in this one, for good
 * (`socket_base_t::stop_monitor` of libzmq 4.3.5 sends to a peer that does not exist). So nothing is begun that may not be
 * finished: sockets are counted here, below the limit of the library, and file descriptors are looked for.
 */
import * as zmq from 'zeromq'
import type { Runtime } from '../runtime/index.js'
import { areDescriptorsLeft } from './descriptors.js'
import { keepMemoryOfFrames } from './kept-memory.js'

/** Native sockets that a monitored socket takes: itself and both ends of its monitor. */
const perSocket = 3

/**
 * How many times the limit of a runtime the limit of the library is: former monitors, and what the library has not closed
 * yet, are beyond the count.
 */
const headroom = 3

/** Descriptors that must be left before a socket is made: it takes one for each native socket, connections may take some meanwhile. */
const socketDescriptors = 8

/** What each thread of the library takes when the first socket of a context is made; without them the process aborts. */
const threadDescriptors = 2

/** `ZMQ_ZERO_COPY_RECV`, which zeromq.js has no name for. */
const zeroCopyReceive = 10

/** A context of the library, which lasts as long as the process. */
class NativeContext {
  readonly library: zmq.Context
  readonly ioThreads: number
  readonly maxSockets: number
  #taken = 0
  #isStarted = false

  constructor({ ioThreads, maxSockets }: Runtime) {
    this.ioThreads = ioThreads
    this.maxSockets = maxSockets
    keepMemoryOfFrames()
    this.library = new zmq.Context({ ioThreads, maxSockets: headroom * maxSockets, blocky: false })
    // unless it copies, a decoder whose buffer is smaller than the length of a frame writes beyond it
    const byNumber = this.library as unknown as { setBoolOption(option: number, value: boolean): void }
    byNumber.setBoolOption(zeroCopyReceive, false)
  }

  reserve(): () => void {
    const threads = this.#isStarted ? 0 : this.ioThreads + 1
    const isRoom = this.#taken + perSocket <= this.maxSockets
    if (!isRoom || !areDescriptorsLeft(socketDescriptors + threads * threadDescriptors)) {
      const limit = isRoom ? 'the limit of open files' : `maxSockets ${this.maxSockets}`
      throw Object.assign(new Error(`${limit} leaves no room for another`), { code: 'EMFILE' })
    }
    this.#isStarted = true
    this.#taken += perSocket
    let isReleased = false
    return () => {
      if (!isReleased) this.#taken -= perSocket
      isReleased = true
    }
  }
}

const contexts = new WeakMap<Runtime, NativeContext>()

/** Contexts of runtimes that were closed: zeromq.js ends a context with the process and not before, so they serve again. */
const idleContexts = new Set<NativeContext>()

/** The native context of a runtime, from its first socket to its end. */
function contextOf(runtime: Runtime): NativeContext {
  const present = contexts.get(runtime)
  if (present) return present
  const { ioThreads, maxSockets } = runtime
  const idle = [...idleContexts].find((one) => one.ioThreads === ioThreads && one.maxSockets === maxSockets)
  const context = idle ?? new NativeContext(runtime)
  idleContexts.delete(context)
  contexts.set(runtime, context)
  // after everything else that the end of the runtime ends: its ZAP handler, which the next runtime could not bind before
  void runtime.whenClosed.then(() => {}).then(() => idleContexts.add(context))
  return context
}

/** The library's context of a runtime, which native sockets are made in. */
export function libraryContext(runtime: Runtime): zmq.Context {
  return contextOf(runtime).library
}

/**
 * Takes room for a socket with its monitor, before either is made.
 *
 * @returns Gives the room back, when the monitor of the closed socket has ended; further calls do nothing.
 * @throws an error with the code `EMFILE` if the runtime may have no more sockets, or the process no more files.
 */
export function reserveSocket(runtime: Runtime): () => void {
  return contextOf(runtime).reserve()
}
