/**
 * The outbox of one connection: bytes wait here, in order, until the system takes them.
 *
 * One write is with the system at a time, so that what waits is here and counted, and nowhere else.
 */
import { Fifo, Waiters } from '../../../src/lifecycle/index.js'
import type { Queue } from '../../../src/stream/index.js'
import type { BufferBudget } from './buffer-budget.js'
import type { WrittenFrames } from './framing.js'
import { IncompleteFrame } from './incomplete-frame.js'

/** What one write takes at most, in bytes, unless a message is larger, and in buffers. */
const writeBytes = 262_144
const writeParts = 1024
/** Frames of less than this are gathered in one buffer while they wait, in bytes: each would take more memory than it holds. */
const smallBytes = 4096
/** The size of such a buffer. */
const gatheredBytes = 65_536

/** What an outbox needs of its connection. */
export interface StreamOutboxPorts {
  /** Hands bytes to the system; `done` when it has taken them. */
  write(parts: readonly Buffer[], done: () => void): void
  /** The system has taken bytes. */
  progress(): void
}

/** The bytes that wait for one connection. */
export class StreamOutbox implements Queue {
  readonly #limitBytes: number
  /** What all connections of a listener may hold; none for a client. */
  readonly #budget: BufferBudget | undefined
  readonly #ports: StreamOutboxPorts
  readonly #queue = new Fifo<WrittenFrames>()
  /** Small frames behind the queue, and their messages. */
  readonly #small = new IncompleteFrame()
  #smallMessages = 0
  #bytes = 0
  #messages = 0
  #sent = 0
  #sentBytes = 0
  /** What is with the system. */
  #writing: { readonly bytes: number; readonly messages: number; readonly frames: readonly WrittenFrames[] } | undefined
  #isStopped = false
  readonly #roomWaiters = new Waiters()
  readonly #emptyWaiters = new Waiters()
  readonly #written = () => this.#taken()

  constructor(limitBytes: number, budget: BufferBudget | undefined, ports: StreamOutboxPorts) {
    this.#limitBytes = limitBytes
    this.#budget = budget
    this.#ports = ports
  }

  /** Messages that the system has taken. */
  get sent(): number {
    return this.#sent
  }

  /** Bytes that it has taken. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** Where all connections together have reached their limit, each may still hold one write. */
  isFull(): boolean {
    return this.#bytes >= this.#limitBytes || (this.#bytes > 0 && this.#budget?.isSpent === true)
  }

  pending(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes }
  }

  /** Takes bytes, full or not: the limit is kept by those who offer messages. */
  add(written: readonly WrittenFrames[]): void {
    if (this.#isStopped) return
    for (const frames of written) {
      this.#count(frames.bytes, frames.messages)
      if (this.#writing === undefined || frames.bytes >= smallBytes || frames.messages === 0) this.#push(frames)
      else this.#gather(frames)
    }
    this.#write()
  }

  /** Drops messages that wait longest until there is room; what is with the system is out of reach. */
  dropOldest(): number {
    const before = this.#messages
    const kept: WrittenFrames[] = []
    this.#pushSmall()
    while (this.isFull() && this.#queue.length > 0) {
      const frames = this.#queue.shift() as WrittenFrames
      if (frames.messages === 0) kept.push(frames)
      else {
        this.#count(-frames.bytes, -frames.messages)
        frames.taken?.()
      }
    }
    if (kept.length > 0) {
      // what only the protocol knows goes before the rest, as it did
      const rest = [...this.#queue]
      this.#queue.clear()
      for (const frames of [...kept, ...rest]) this.#queue.push(frames)
    }
    return before - this.#messages
  }

  whenRoom(): Promise<void> {
    if (!this.isFull() || this.#isStopped) return Promise.resolve()
    if (this.#budget?.isSpent) this.#budget.wait(this)
    return this.#roomWaiters.wait()
  }

  whenEmpty(): Promise<void> {
    if (this.#bytes === 0 || this.#isStopped) return Promise.resolve()
    return this.#emptyWaiters.wait()
  }

  /** The connections together have room again. */
  budgetFreed(): void {
    if (!this.isFull()) this.#roomWaiters.wake()
  }

  /** Hands nothing over any more, and resolves all promises that wait; returns how many messages are left and lost. */
  stop(): number {
    const left = this.#messages
    this.#isStopped = true
    this.#queue.clear()
    this.#small.clear()
    this.#writing = undefined
    this.#count(-this.#bytes, -this.#messages)
    this.#budget?.forget(this)
    this.#roomWaiters.wake()
    this.#emptyWaiters.wake()
    return left
  }

  #push(frames: WrittenFrames): void {
    this.#pushSmall()
    this.#queue.push(frames)
  }

  #gather({ parts, bytes, messages, taken }: WrittenFrames): void {
    if (this.#small.length + bytes > gatheredBytes) this.#pushSmall()
    for (const part of parts) this.#small.append(part, gatheredBytes)
    this.#smallMessages += messages
    taken?.() // it was copied
  }

  #pushSmall(): void {
    const messages = this.#smallMessages
    if (messages === 0) return
    const gathered = this.#small.take()
    this.#smallMessages = 0
    this.#queue.push({ parts: [gathered], bytes: gathered.length, messages })
  }

  #write(): void {
    if (this.#writing !== undefined) return
    this.#pushSmall()
    const first = this.#queue.shift()
    if (first === undefined) return
    const parts = [...first.parts]
    const frames = [first]
    let { bytes, messages } = first
    for (let next = this.#queue.first; next !== undefined; next = this.#queue.first) {
      if (bytes + next.bytes > writeBytes || parts.length + next.parts.length > writeParts) break
      this.#queue.shift()
      parts.push(...next.parts)
      frames.push(next)
      bytes += next.bytes
      messages += next.messages
    }
    this.#writing = { bytes, messages, frames }
    this.#ports.write(parts, this.#written)
  }

  #taken(): void {
    const written = this.#writing
    if (written === undefined) return // it was stopped
    this.#writing = undefined
    for (const { taken } of written.frames) taken?.()
    this.#sent += written.messages
    this.#sentBytes += written.bytes
    this.#count(-written.bytes, -written.messages)
    this.#ports.progress()
    this.#write()
    if (!this.isFull()) this.#roomWaiters.wake()
    if (this.#bytes === 0) this.#emptyWaiters.wake()
  }

  #count(bytes: number, messages: number): void {
    this.#bytes += bytes
    this.#messages += messages
    this.#budget?.change(bytes)
  }
}
