/** A peer that never reads: what offering messages to it costs in memory. */
import { createServer, type Socket } from 'node:net'
import { connectStream, lines, type StreamConnectionStats } from '../../patterns/socket/index.js'
import { turn } from '../support/events.js'

/** How offering went. */
export interface Offering {
  readonly stats: StreamConnectionStats
  /** The most that the process grew by meanwhile, in bytes. */
  readonly growthBytes: number
}

/** Messages of one turn. */
const perTurn = 1000

/** Offers so many messages, in turns, to a peer that accepts and never reads. */
export async function offerToNobody(messages: number): Promise<Offering> {
  const accepted: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) => accepted.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const connection = await connectStream({ framing: lines(), connect: `tcp://127.0.0.1:${port}` })
  connection.errors.subscribe()
  const before = process.memoryUsage().rss
  let most = before
  for (let offered = 0; offered < messages; offered += perTurn) {
    for (let at = 0; at < perTurn; at++) connection.next(`message ${offered + at} of ${messages}, which nobody reads`)
    await turn()
    most = Math.max(most, process.memoryUsage().rss)
  }
  const stats = connection.stats()
  await connection.close({ drain: false })
  for (const socket of accepted) socket.destroy()
  server.close()
  return { stats, growthBytes: most - before }
}
