/**
 * One side of a group in a process of its own, with default options: a sender of one message in 20 ms, or a receiver that says each
 * message and each change of its links on its output, a line each. It ends with its input.
 */
import { setInterval } from 'node:timers'
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { defineSchema } from '../../src/avro/index.js'

const [role, group] = process.argv.slice(2) as ['sender' | 'receiver', string]
const socket = await createDatagram({ schema: defineSchema('long'), multicast: { group } })
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
socket.errors.subscribe(({ code, message }) => say({ code, message }))
socket.links.subscribe(({ state, endpoint, connected }) => say({ state, endpoint, connected }))
if (role === 'receiver') socket.messages.subscribe((message) => say({ message }))
let next = 0
const timer = role === 'sender' ? setInterval(() => socket.next(next++), 20) : undefined
process.stdin.resume().on('end', () => {
  clearInterval(timer)
  void socket.close({ drain: false })
})
