/** The messages of one frame, as any Avro library may write them, and as none should. */
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'
import { Reception } from '../support/reception.js'
import { block, dataFrame, ints } from '../support/stranger.js'

const Int = defineSchema('int')
const Null = defineSchema('null')

const read = (frame: Buffer) => {
  const reception = new Reception(Int)
  reception.receive(frame)
  return reception
}

t.test('one block, several blocks, blocks with their size', async (t) => {
  const frames = [
    dataFrame({ count: 4 }, block(ints(1, 2, 3, 4))),
    dataFrame({ count: 4 }, block(ints(1)), block(ints(2, 3)), block(ints(4))),
    dataFrame({ count: 4 }, block(ints(1, 2, 3, 4), true)),
    dataFrame({ count: 4 }, block(ints(1, 2), true), block(ints(3)), block(ints(4), true)),
  ]
  for (const frame of frames) {
    const { values, broken, undecodable } = read(frame)
    t.strictSame({ values, broken, undecodable }, { values: [1, 2, 3, 4], broken: [], undecodable: 0 })
  }
})

t.test('a frame without messages', async (t) => {
  for (const kind of ['data', 'beacon']) {
    const { values, broken, frames, rejected } = read(dataFrame({ kind, count: 0 }))
    t.strictSame({ values, broken, rejected }, { values: [], broken: [], rejected: [] })
    t.equal(frames.length, 1)
  }
})

t.test('more messages than the header claims: those it claims are read, the rest is told', async (t) => {
  for (const rest of [[block(ints(3))], [block(ints(3), true)]]) {
    const { values, broken } = read(dataFrame({ count: 2 }, block(ints(1, 2)), ...rest))
    t.strictSame(values, [1, 2])
    t.match(broken, [{ code: 'RIVULET_DECODE_FAILED' }])
  }
})

t.test('a block that goes beyond the claim is not begun', async (t) => {
  const { values, undecodable, claimed } = read(dataFrame({ count: 2 }, block(ints(1, 2, 3))))
  t.strictSame({ values, undecodable, claimed }, { values: [], undecodable: 2, claimed: 2 })
})

t.test('fewer messages than the header claims', async (t) => {
  const frames: [Buffer, number[]][] = [
    [dataFrame({ count: 3 }, block(ints(1, 2))), [1, 2]],
    [dataFrame({ count: 3 }), []],
    [dataFrame({ count: 65_536 }, block(ints(1))), [1]],
  ]
  for (const [frame, expected] of frames) {
    const { values, undecodable, claimed } = read(frame)
    t.strictSame(values, expected)
    t.equal(undecodable, claimed - expected.length)
  }
})

t.test('bytes behind the end', async (t) => {
  const { values, broken } = read(dataFrame({ count: 1 }, block(ints(1)), Buffer.from([0, 7])))
  t.strictSame(values, [1])
  t.match(broken, [{ code: 'RIVULET_DECODE_FAILED' }])
})

t.test('a block count that is malformed or enormous', async (t) => {
  const counts = ['ffffffffffffffffff01', 'feffffffffffffffff01', 'ffffffffffffffffffffff', '8080808010']
  for (const hex of counts) {
    const { values, undecodable } = read(dataFrame({ count: 5 }, Buffer.from(hex, 'hex')))
    t.strictSame({ values, undecodable }, { values: [], undecodable: 5 }, hex)
  }
})

t.test('a header that claims too much is rejected', async (t) => {
  for (const claims of [{ count: 65_537 }, { count: -1 }, { position: -1 }, { sequence: -1 }, { previous: -5 }]) {
    t.strictSame(read(dataFrame(claims)).rejectedCodes, ['RIVULET_BAD_FRAME'], JSON.stringify(claims))
  }
})

t.test('messages of no bytes are as many as the header claims', async (t) => {
  const reception = new Reception(Null)
  reception.receive(dataFrame({ schema: '"null"', count: 65_536 }, block(Array(65_536).fill(Buffer.alloc(0)))))
  t.equal(reception.values.length, 65_536)
  t.strictSame(reception.broken, [])
})

t.test('a message that cannot be read costs what is behind it and nothing before', async (t) => {
  const wide = Buffer.from('ffffffffff7f', 'hex')
  const { values, undecodable } = read(dataFrame({ count: 4 }, block([...ints(1, 2), wide, ...ints(4)])))
  t.strictSame({ values, undecodable }, { values: [1, 2], undecodable: 2 })
})

t.test('extensions and annotations of a later version are no obstacle', async (t) => {
  const claims = {
    count: 1,
    extensions: { later: Buffer.from('x') },
    annotations: [{ index: 0, headers: { trace: Buffer.from('abc') } }],
  }
  const { values, frames, rejected } = read(dataFrame(claims, block(ints(5))))
  t.strictSame(rejected, [])
  t.strictSame(values, [5])
  t.strictSame(frames[0]?.header.annotations, claims.annotations)
})
