/** Requests of ZAP: the frames of a message, in which libzmq passes on what peers sent. */
import { readZapRequest, zapAnswer } from '../../../src/socket/zap-request.js'
import type { Random } from '../../simulation/random.js'
import { mutate } from '../mutate.js'
import { type Target, taken } from '../target.js'

const head = ['peer', '', '1.0', '1', 'rivulet.1', '10.0.0.7', 'routing id'].map((text) => Buffer.from(text))
const curve = [...head, Buffer.from('CURVE'), Buffer.alloc(32, 9)]
const requests: readonly (readonly Buffer[])[] = [
  curve,
  [...head, Buffer.from('NULL')],
  [...head, Buffer.from('PLAIN'), Buffer.from('user'), Buffer.from('password')],
  [...head, Buffer.from('GSSAPI'), Buffer.from('principal')],
]

/** What a request that is not understood comes to. */
const refused = 'refused'

/** Requests of ZAP. */
export const zap: Target = {
  codes: [refused],
  share: 100_000,
  begin: (random) => () => {
    const parts = changed(random, [...random.pick(requests)])
    const request = readZapRequest(parts)
    const status = request === undefined ? 400 : 200
    const answer = zapAnswer(parts, status)
    // the peer's frame and the number of its request lead the answer to it, whatever else was wrong
    const isFor = answer[0]?.equals(parts[0] ?? Buffer.alloc(0)) && answer[3]?.equals(parts[3] ?? Buffer.alloc(0))
    if (answer.length !== 8 || !isFor || answer[4]?.toString() !== String(status)) throw new Error('a wrong answer')
    if (request === undefined) return refused
    const { mechanism, publicKey, domain, address } = request
    if ((mechanism === 'CURVE') !== (publicKey?.length === 32)) throw new Error('a key of a wrong length')
    if (mechanism !== 'CURVE' && mechanism !== 'NULL') throw new Error('another mechanism')
    if (domain.length > 255 || address.length > 255) throw new Error('a text without bound')
    return taken
  },
}

/** Frames with changes: in one of them, or of their number and order. */
function changed(random: Random, parts: Buffer[]): Buffer[] {
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(parts.length + 1)
    const part = parts[at] ?? Buffer.alloc(0)
    const way = random.below(8)
    if (way === 0) parts.splice(at, 1)
    else if (way === 1) parts.splice(at, 0, random.pick(curve))
    else if (way === 2) parts.splice(at, 1, random.pick(curve))
    else if (way === 3) parts.splice(at, 1, Buffer.concat([part, Buffer.alloc(random.below(400), 65)]))
    else if (way === 4) parts.splice(at, 1, random.bytes(random.pick([0, 1, 31, 32, 33, 255, 256])))
    else if (way === 5) parts.push(...Array.from({ length: random.below(300) }, () => part))
    else parts.splice(at, 1, mutate(random, part, curve))
  }
  return parts
}
