/**
 * Reads one direction of a typed stream: the opening of the peer, then batches that are decoded when they are wanted.
 *
 * Pure: it is given bytes. A batch that was read stays bytes, so that a slow consumer holds frames and no objects.
 */
import { type Codec, decodeFailure, quote } from '../../../src/avro/codec.js'
import { isRivuletError, RivuletError } from '../../../src/errors/index.js'
import type { CheckedSupply } from '../../../src/stream/index.js'
import {
  Batch,
  CompatibleReader,
  claimedKind,
  type DataFrame,
  frameKind,
  type MessageReader,
  matchedBytes,
  matchPrelude,
  maxHeaderBytes,
  openDataFrame,
  preludeBytes,
  SchemaBook,
  type SchemaRate,
} from '../../../src/wire/index.js'
import { foreignProtocol } from './foreign-peer.js'
import { FrameBatch } from './frame-batch.js'
import { frameTooLarge, truncated } from './frame-errors.js'
import type { FrameReader } from './framing.js'
import { maxRefusalBytes, refusedBy } from './schema-refusal.js'
import { SizedFrames } from './sized-frames.js'

/** How a direction is read. */
export interface SchemaReaderSettings<Out> {
  readonly codec: Codec<never, Out>
  /** What a frame may hold of messages, in bytes. */
  readonly maxMessageBytes: number
  /** What new schemas of peers may cost together with other connections. */
  readonly schemas?: SchemaRate | undefined
}

/** What a reader notifies. */
export interface SchemaReaderPorts {
  /** The opening of the peer came, and its messages can be read. */
  agreed(): void
}

/** How far a direction has come. */
type State = 'opening' | 'open' | 'ended'

const subject = 'typed stream'

/** The reading side of one connection. */
export class SchemaReader<Out> implements FrameReader<Out> {
  readonly #settings: SchemaReaderSettings<Out>
  readonly #ports: SchemaReaderPorts
  readonly #frames: SizedFrames
  readonly #maxFrameBytes: number
  #state: State = 'opening'
  #schemaId: Buffer | undefined
  #reader: MessageReader<Out> | undefined
  #failure: RivuletError | undefined
  #isRefused = false
  #supplies: CheckedSupply<Out>[] = []

  constructor(settings: SchemaReaderSettings<Out>, ports: SchemaReaderPorts) {
    this.#settings = settings
    this.#ports = ports
    this.#maxFrameBytes = settings.maxMessageBytes + maxHeaderBytes
    this.#frames = new SizedFrames(matchedBytes, {
      checkLength: (bytes) => this.#checkLength(bytes),
      checkStart: (bytes, at) => this.#checkStart(bytes, at),
      takeFrame: (frame, buffer) => this.#takeFrame(frame, buffer),
    })
  }

  get buffered(): number {
    return this.#frames.buffered
  }

  /** Whether the peer has sent its opening. */
  get isAgreed(): boolean {
    return this.#state !== 'opening'
  }

  get failure(): RivuletError | undefined {
    return this.#failure
  }

  /** Whether the peer has ended the connection with a refusal, which is not answered. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  receive(chunk: Buffer): readonly CheckedSupply<Out>[] {
    if (this.#failure !== undefined) return nothing
    this.#failure = this.#frames.receive(chunk)
    if (this.#failure !== undefined) this.#frames.clear()
    if (this.#supplies.length === 0) return nothing
    const supplies = this.#supplies
    this.#supplies = []
    return supplies
  }

  end(): RivuletError | undefined {
    if (this.#state === 'ended' || this.#failure !== undefined) return undefined
    if (this.#state === 'opening') return handshakeFailed('the peer closed its half before its opening was complete')
    const message = 'the peer closed its half without an end of its messages: it has crashed, or was cut off'
    return (
      truncated(subject, this.#frames.incomplete) ??
      new RivuletError('RIVULET_CONNECTION_LOST', `${subject}: ${message}`)
    )
  }

  #checkLength(bytes: number): RivuletError | undefined {
    if (this.#state === 'ended') return badFrame('a frame follows the end of the messages')
    if (this.#state === 'opening') {
      if (bytes >= preludeBytes && bytes <= maxHeaderBytes) return undefined
      const firstBytes = Buffer.allocUnsafe(4)
      firstBytes.writeUInt32BE(bytes)
      const protocol = foreignProtocol(firstBytes)
      const guess = protocol === '' ? '' : `: it seems to speak ${protocol}`
      return handshakeFailed(`the peer begins with ${firstBytes.toString('hex')}, no typed stream of Rivulet${guess}`)
    }
    if (bytes < preludeBytes) return badFrame(`a frame of ${bytes} bytes`)
    return bytes > this.#maxFrameBytes ? frameTooLarge(subject, bytes, this.#maxFrameBytes) : undefined
  }

  #checkStart(bytes: Buffer, at: number): RivuletError | undefined {
    const match = matchPrelude(bytes, at)
    if (match === 'ours') return undefined
    if (this.#state !== 'opening') return badFrame('a frame does not begin as one of this protocol')
    if (match === 'foreign') return handshakeFailed('the peer is no typed stream of Rivulet')
    const version = (bytes[at + 2] as number) >> 1
    return new RivuletError(
      'RIVULET_INCOMPATIBLE_PROTOCOL',
      `${subject}: the peer speaks version ${version} of the protocol`,
    )
  }

  #takeFrame(bytes: Buffer, buffer: Buffer | undefined): RivuletError | undefined {
    try {
      if (claimedKind(bytes) === frameKind.streamRefusal) return this.#takeRefusal(bytes)
      const frame = openDataFrame(bytes, undefined, this.#maxFrameBytes)
      return this.#state === 'opening' ? this.#open(frame) : this.#take(frame, buffer)
    } catch (error) {
      return isRivuletError(error) ? error : decodeFailure(error, 'a frame')
    }
  }

  #takeRefusal(bytes: Buffer): RivuletError {
    if (bytes.length > maxRefusalBytes) return frameTooLarge(subject, bytes.length, maxRefusalBytes)
    const refused = refusedBy(bytes)
    this.#isRefused = true
    return refused
  }

  /** Takes the first frame, which brings the schema of the peer. */
  #open(frame: DataFrame): RivuletError | undefined {
    const { kind, count, schemaId } = frame.header
    if (kind !== 'beacon' || count !== 0)
      return badFrame(`the first frame is no opening: ${quote(kind)} of ${count} messages`)
    const { codec, schemas } = this.#settings
    const book = new SchemaBook(0)
    book.know(codec.schemaId, codec.text)
    const lookup = book.lookUp(frame)
    if (lookup.kind !== 'known') return badFrame('the opening does not bring the schema of the peer')
    if (schemas?.allows(codec, lookup.text) === false) {
      const text = `${subject}: other peers have announced too many new schemas: connect again in a second`
      return new RivuletError('RIVULET_OVERLOADED', text)
    }
    let refusal: RivuletError | undefined
    this.#reader = new CompatibleReader(codec, (error) => {
      refusal = error
    }).readerFor(lookup.text)
    if (this.#reader === undefined) return refusal
    const trailing = new Batch(frame, this.#reader).trailing()
    if (trailing !== undefined) return badFrame('there is more in the opening than its header says')
    this.#schemaId = Buffer.from(schemaId)
    this.#state = 'open'
    this.#ports.agreed()
    return undefined
  }

  #take(frame: DataFrame, buffer: Buffer | undefined): RivuletError | undefined {
    const { kind, count, schemaId } = frame.header
    if (!(this.#schemaId as Buffer).equals(schemaId)) return badFrame('a frame has another schema than the opening')
    if (kind === 'data') {
      if (count > 0) this.#supplies.push(new FrameBatch(frame, this.#reader as MessageReader<Out>, buffer))
      return undefined
    }
    if (count !== 0) return badFrame(`a frame of kind ${quote(kind)} has ${count} messages`)
    if (kind === 'tombstone') this.#state = 'ended'
    else if (kind !== 'beacon') return badFrame(`a frame of kind ${quote(kind)}`)
    return undefined
  }
}

const nothing: readonly never[] = []

function badFrame(problem: string): RivuletError {
  return new RivuletError('RIVULET_BAD_FRAME', `${subject}: ${problem}`)
}

function handshakeFailed(problem: string): RivuletError {
  return new RivuletError('RIVULET_HANDSHAKE_FAILED', `${subject}: ${problem}`)
}
