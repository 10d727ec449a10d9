/** Datagrams of any sender: messages, announcements and requests, read to the last message. */
import { DatagramReader } from '../../../patterns/socket/datagram/datagram-reader.js'
import type { DatagramSupply } from '../../../patterns/socket/datagram/delivery.js'
import { type Codec, codecOf, decodeFailure } from '../../../src/avro/codec.js'
import { Reading, validDatagrams } from '../../support/valid-datagrams.js'
import { VirtualClock } from '../../support/virtual-clock.js'
import { mutateFrame } from '../mutate.js'
import { type Target, taken } from '../target.js'

const originals = validDatagrams()
const ports = 8

/** Datagrams. */
export const datagrams: Target = {
  codes: [
    ...['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME', 'RIVULET_DECODE_FAILED'],
    ...['RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_INVALID_SCHEMA', 'RIVULET_UNKNOWN_SCHEMA'],
  ],
  share: 100_000,
  begin: (random) => {
    const clock = new VirtualClock()
    let outcome = taken
    let lost = 0
    let claimed = 0
    const note = ({ code }: { readonly code: string }): void => {
      outcome = code
    }
    const reader = new DatagramReader(codecOf(Reading) as Codec<never, unknown>, 16, {
      clock,
      admits: () => true,
      soon: (callback) => callback(),
      accept: (supply) => {
        claimed += supply.remaining
        takeAll(supply, note)
      },
      lose: (_reason, messages) => {
        lost += messages
      },
      reject: note,
      report: note,
      request: (bytes) => {
        if (bytes.length > 35) throw new Error(`a request of ${bytes.length} bytes`)
      },
      requested() {},
    })
    return () => {
      outcome = taken
      if (random.chance(0.001)) clock.advance(6000)
      const mutated = random.chance(0.1)
        ? random.pick(originals)
        : mutateFrame(random, random.pick(originals), originals)
      reader.receive(Buffer.from(mutated), '10.0.0.1', 1 + random.below(ports))
      const { sources, received, lost: missing } = reader.sources
      if (sources.length > 16 || missing < 0 || received < claimed || lost < 0) {
        throw new Error(`${sources.length} sources, ${missing} lost, ${received} received, ${claimed} taken`)
      }
      return outcome
    }
  },
}

/** Takes all messages; no more can be lost than there were. */
function takeAll(supply: DatagramSupply<unknown>, note: (error: { readonly code: string }) => void): void {
  const claimed = supply.remaining
  let accounted = 0
  while (supply.remaining > 0) {
    try {
      supply.take()
      accounted += 1
    } catch (cause) {
      note(decodeFailure(cause, 'a message'))
      accounted += supply.failed(cause)
    }
  }
  if (accounted !== claimed) throw new Error(`${accounted} messages of ${claimed} are accounted for`)
  const trailing = supply.trailing()
  if (trailing) note(trailing)
}
