/**
 * One side of a broadcast in a process of its own: a receiver on every address that writes where it is bound and each message, and answers
 * each; or a sender of one message to all hosts, that writes the answers. It ends with its input.
 */
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { defineSchema } from '../../src/avro/index.js'

const [role, to = ''] = process.argv.slice(2) as ['sender' | 'receiver', string?]
const schema = defineSchema('long')
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const socket =
  role === 'sender'
    ? await createDatagram({ schema, broadcast: true })
    : await createDatagram({ schema, bind: 'udp://0.0.0.0:*', insecure: true })
socket.errors.subscribe(({ code, message }) => say({ code, message }))
socket.deliveries.subscribe(({ value, from, sequence, lost }) => {
  say({ value, from, sequence, lost })
  if (role === 'receiver') void socket.sendTo(from, value + 1)
})
if (role === 'sender') await socket.sendTo(to, 1)
else say({ bound: socket.endpoint })
process.stdin.resume().on('end', () => void socket.close({ drain: false }))
