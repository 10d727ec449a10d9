/** Datagrams as bytes, against docs/protocol and another library of Avro: written by hand here, and read also where others write more. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import avsc from 'avsc'
import t from 'tap'
import { DatagramReader } from '../../patterns/socket/datagram/datagram-reader.js'
import { DatagramWriter } from '../../patterns/socket/datagram/datagram-writer.js'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { root } from '../../tools/build.js'
import { Reading } from '../support/valid-datagrams.js'
import { VirtualClock } from '../support/virtual-clock.js'

type Value = { sensor: string; celsius: number }

const typeOf = (schema: unknown): avsc.Type =>
  avsc.Type.forSchema(schema as avsc.Schema, { registry: Object.create(null) })
const Header = typeOf(JSON.parse(readFileSync(join(root, 'docs/protocol/datagram-header.avsc'), 'utf8')))
const Readings = typeOf({ type: 'array', items: Reading.json })
const codec = codecOf(Reading) as Codec<Value, Value>
const source = Buffer.from('0123456789abcdef', 'hex')
const { schemaId } = codec

/** A datagram of kind 11 by avsc and zlib alone. */
function framed(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.from([0x52, 0x76, 2, 22])
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body, crc32(head)))
  return Buffer.concat([head, check, body])
}

const header = (sequence: number, count: number, extensions = {}): Buffer =>
  Header.toBuffer({ source, schemaId, sequence, count, extensions })

/** What a reader makes of datagrams. */
function read(...datagrams: readonly Buffer[]) {
  const values: [unknown, number, number][] = []
  const codes: string[] = []
  const reader = new DatagramReader<Value>(codec as Codec<never, Value>, 4, {
    clock: new VirtualClock(),
    admits: () => true,
    soon: (callback) => callback(),
    accept(supply) {
      while (supply.remaining > 0) {
        const { value, sequence, lost } = supply.take()
        values.push([value.celsius, sequence, lost])
      }
      const trailing = supply.trailing()
      if (trailing) codes.push(trailing.code)
    },
    lose: (reason) => codes.push(reason),
    reject: ({ code }) => codes.push(code),
    report: ({ code }) => codes.push(code),
    request() {},
    requested() {},
  })
  for (const datagram of datagrams) reader.receive(datagram, '10.0.0.1', 9)
  return { values, codes }
}

const value = (celsius: number): Value => ({ sensor: 'roof', celsius })

t.test('our datagrams are those of the specification', async (t) => {
  for (const batch of [false, true]) {
    const cut: Buffer[] = []
    const constants = Buffer.concat([source, schemaId])
    const writer = new DatagramWriter<Value>({
      codec,
      constants,
      maxPayloadBytes: 300,
      batch,
      cut: (b) => cut.push(b),
    })
    for (let at = 0; at < 200; at++) writer.append(value(at))
    writer.flush()
    let next = 1
    for (const bytes of cut) {
      const { value: read, offset } = Header.decode(bytes, 8) as { value: { count: number }; offset: number }
      const messages = Array.from({ length: read.count }, (_, at) => value(next - 1 + at))
      t.strictSame(bytes, framed(header(next, read.count), Readings.toBuffer(messages)))
      t.strictSame(bytes.subarray(offset), Readings.toBuffer(messages))
      next += read.count
    }
    t.equal(next, 201)
    t.equal(cut.length, batch ? Math.ceil(200 / 20) : 200)
  }
})

t.test('what others may write is read: extensions, several blocks, and blocks with their length', async (t) => {
  const bytes = (celsius: number) => Reading.encode(value(celsius))
  const length = bytes(0).length << 1
  const blocks = Buffer.concat([Buffer.from([2]), bytes(2), Buffer.from([1, length]), bytes(3), Buffer.from([0])])
  const { values, codes } = read(
    framed(header(1, 1, { later: Buffer.from([1]) }), Readings.toBuffer([value(1)])),
    framed(header(2, 2), blocks),
    framed(header(5, 1), Readings.toBuffer([value(5)])),
  )
  t.strictSame(values, [
    [1, 1, 0],
    [2, 2, 0],
    [3, 3, 0],
    [5, 5, 1],
  ])
  t.strictSame(codes, [])
})

t.test('what contradicts itself is refused', async (t) => {
  const message = Readings.toBuffer([value(1)])
  t.strictSame(read(framed(header(0, 1), message)).codes, ['RIVULET_BAD_FRAME'])
  t.strictSame(read(framed(header(-1, 1), message)).codes, ['RIVULET_BAD_FRAME'])
  t.strictSame(read(framed(header(1, 0), Buffer.from([0]))).codes, ['RIVULET_BAD_FRAME'])
  t.strictSame(read(framed(header(1, 1025), message)).codes, ['RIVULET_BAD_FRAME'])
  t.strictSame(read(framed(header(1, 1), message, Buffer.from([7]))).codes, ['RIVULET_DECODE_FAILED'])
  const damaged = framed(header(1, 1), message)
  damaged[20] = (damaged[20] as number) ^ 1
  t.strictSame(read(damaged).codes, ['RIVULET_CORRUPT_FRAME'])
})

t.test('damage behind datagrams of the same source is found at each byte, and harms none that follow', async (t) => {
  const datagram = (number: number) => framed(header(number, 1), Readings.toBuffer([value(number)]))
  const { length } = datagram(3)
  const damaged = Array.from({ length }, (_, at) => {
    const bytes = datagram(3)
    bytes[at] = (bytes[at] as number) ^ 1
    return bytes
  })
  const { values, codes } = read(datagram(1), datagram(2), ...damaged, datagram(3))
  t.strictSame(values, [
    [1, 1, 0],
    [2, 2, 0],
    [3, 3, 0],
  ])
  t.equal(codes.length, length)
  t.strictSame(new Set(codes), new Set(['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME']))
})
