/** What waits for a peer takes little memory: one that reads nothing can make a side owe it very many short answers. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { firstPatternKind, itemFlag } from '../../src/session/item.js'
import { Sender } from '../../src/session/sender.js'
import { bytesItem } from '../../src/session/session-items.js'
import { writeWaiting } from '../../src/session/waiting-body.js'

const limits = { itemBytes: 65_536, windowBytes: 65_536, streamWindowBytes: 65_536, assemblyBytes: 262_144 }
const answers = 20_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is held, in bytes. Buffers are freed beside the program after a collection, and counted at the next one. */
function heldBytes(): number {
  for (let round = 0; round < 4; round++) collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/**
 * What an item takes that waits for a peer without a connection, the only one of its stream, in bytes: the least of three
 * measurements, since the process compiles code meanwhile.
 */
function bytesEach(openedBy: 'peer' | 'self', bodyOf: (stream: number) => Buffer, first = 1): number {
  return Math.min(...[1, 2, 3].map(() => measured(openedBy, bodyOf, first)))
}

function measured(openedBy: 'peer' | 'self', bodyOf: (stream: number) => Buffer, first: number): number {
  const sender = new Sender(openedBy === 'self' ? 1 : -1, limits, 1e9, { stamp() {}, transmit() {}, onWritable() {} })
  const before = heldBytes()
  for (let stream = first; stream < first + answers; stream++) {
    sender.send(stream, firstPatternKind, itemFlag.last, bytesItem(bodyOf(stream)))
  }
  const bytes = (heldBytes() - before) / answers
  if (sender.backlog !== answers) throw new Error(`${sender.backlog} answers wait`)
  return Math.round(bytes)
}

const text = 'RIVULET_UNIMPLEMENTED: there was no agreement on method 9999'
const sameText = () => Buffer.from(text)
const otherText = (stream: number) => Buffer.from(`${text}${stream}`)

t.test('answers that wait, each on a stream of its own, take little more than their bytes', async (t) => {
  const same = bytesEach('peer', sameText)
  t.ok(same < 20, `${same} bytes for each of many equal refusals`)
  const different = bytesEach('peer', otherText)
  t.ok(different < text.length + 80, `${different} bytes for each of many different ones`)
})

t.test('also after very many others, and if they are longer', async (t) => {
  const long = (stream: number) => Buffer.from(`${text} ${text} ${stream}`)
  for (const first of [1, 2 ** 40]) {
    const bytes = bytesEach('peer', long, first)
    t.ok(bytes < 2 * text.length + 40, `${bytes} bytes for each from stream ${first} on`)
  }
})

t.test('what has left takes none', async (t) => {
  const sender = new Sender(-1, limits, 1e9, { stamp() {}, transmit() {}, onWritable() {} })
  const roomy = { ...limits, itemBytes: 10_000_000, windowBytes: 100_000_000, assemblyBytes: 20_000_000 }
  sender.connect(roomy)
  sender.disconnect()
  const before = heldBytes()
  sender.send(1, firstPatternKind, itemFlag.last, bytesItem(Buffer.alloc(9_000_000)))
  for (let stream = 2; stream < 1000; stream++)
    sender.send(stream, firstPatternKind, itemFlag.last, bytesItem(otherText(stream)))
  t.ok(heldBytes() - before > 9_000_000)
  sender.connect(roomy)
  sender.pump()
  sender.acknowledge(sender.lastSequence)
  const bytes = heldBytes() - before
  t.ok(sender.settled)
  t.ok(bytes < 1_000_000, `${bytes} bytes are held`)
})

t.test('and calls that wait', async (t) => {
  const same = bytesEach('self', sameText)
  t.ok(same < 300, `${same} bytes for each of many equal calls`)
  const different = bytesEach('self', otherText)
  t.ok(different < 500, `${different} bytes for each of many different ones`)
})

t.test('short bodies that are equal share their memory, and others do not', async (t) => {
  const [first, again] = ['refused', 'refused'].map((text) => writeWaiting(bytesItem(Buffer.from(text)), 100))
  t.equal(first, again)
  const other = writeWaiting(bytesItem(Buffer.from('Refused')), 100)
  t.strictSame([String(first), String(other)], ['refused', 'Refused'], 'the first is as it was')
  t.equal(String(writeWaiting(bytesItem(Buffer.from('refuse')), 100)), 'refuse')
  t.equal(writeWaiting(bytesItem(Buffer.alloc(0)), 100).length, 0)
})
