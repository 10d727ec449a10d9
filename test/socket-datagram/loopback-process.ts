/**
 * Two sockets of one group in one process, the first with `multicast.loopback: false`: each sends a message to the group, one after the
 * other, and what both received is written as one JSON line. It ends with its input.
 */
import { firstValueFrom } from 'rxjs'
import { createDatagram, type Datagram } from '../../patterns/socket/datagram/index.js'
import { defineSchema } from '../../src/avro/index.js'

process.stdin.resume().on('end', () => process.exit()) // also while a message has not been taken
const [group, interfaces] = process.argv.slice(2) as [string, string]
const schema = defineSchema('long')
const open = (loopback: boolean) => createDatagram({ schema, multicast: { group, interfaces, ttl: 0, loopback } })
const silent = await open(false)
const heard = await open(true)
const both = [silent, heard] as const
await Promise.all(both.map((socket) => socket.whenConnected()))

/** Sends, and resolves when the system has taken it. */
async function send(socket: Datagram<number, number>, value: number): Promise<void> {
  await socket.send(value)
  while (socket.stats().outgoing.sent === 0) await new Promise((resolve) => setImmediate(resolve))
}

const taken: number[][] = [[], []]
for (const [index, socket] of both.entries()) socket.messages.subscribe((value) => taken[index]?.push(value))
// the system hands on what one interface has in the order in which it was sent
const arrived = Promise.all(both.map((socket) => firstValueFrom(socket.messages)))
await send(silent, 1)
await send(heard, 2)
await arrived
process.stdout.write(`${JSON.stringify({ silent: taken[0], heard: taken[1] })}\n`)
