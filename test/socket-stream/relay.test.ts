/** A relay between client and server that cuts the bytes into pieces of random size, down to one byte. */
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import {
  bytes,
  connectStream,
  createStreamListener,
  delimited,
  type Framing,
  lengthPrefixed,
  lines,
} from '../../patterns/socket/index.js'
import { Random } from '../simulation/random.js'
import { first, turn } from '../support/events.js'
import { place } from '../support/transports.js'
import { takeAll } from './ends.js'

/** Passes bytes on in pieces, each in a turn of its own, and the end of each half behind them. */
async function relay(from: Socket, to: Socket, random: Random): Promise<void> {
  const pieces: Buffer[] = []
  let isEnded = false
  from.on('data', (chunk) => pieces.push(chunk))
  from.on('end', () => {
    isEnded = true
  })
  while (!isEnded || pieces.length > 0) {
    const piece = pieces.shift()
    for (let at = 0; piece !== undefined && at < piece.length; ) {
      const length = random.pick([1, 1, 2, 3, 17, 200, 5000])
      to.write(piece.subarray(at, at + length))
      at += length
      await turn()
    }
    if (piece === undefined) await turn()
  }
  to.end()
}

/** Starts a relay to a port; returns its own. */
function openRelay(t: Test, port: number, random: Random): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    for (const socket of [client, upstream]) t.teardown(() => socket.destroy())
    void relay(client, upstream, random)
    void relay(upstream, client, random)
  })
  t.teardown(() => server.close())
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  )
}

/** Sends messages through the relay to an echo, and asserts that they come back as they were. */
async function echo<In, Out>(t: Test, framing: Framing<In, Out>, messages: readonly In[]): Promise<Out[]> {
  const { runtime } = place(t, 'tcp')
  const seed = Date.now() % 1_000_000
  t.comment(`seed ${seed}`)
  const listener = await createStreamListener<In, Out>({ framing, bind: 'tcp://127.0.0.1:*', runtime })
  const accepted = first(listener.connections)
  const port = await openRelay(t, Number(new URL(listener.endpoint).port), new Random(seed))
  const client = await connectStream<In, Out>({ framing, connect: `tcp://127.0.0.1:${port}`, runtime })
  const server = await accepted
  server.messages.subscribe({
    next: (message) => server.next(message as unknown as In),
    complete: () => server.complete(),
  })
  const taken = takeAll(client)
  await client.sendAll(messages)
  client.complete()
  const got = await taken
  t.equal(await client.whenEnded, undefined)
  return got
}

const count = 150
const random = new Random(15)
const blobs = Array.from({ length: count }, () =>
  Buffer.from(Array.from({ length: random.below(120) }, () => random.below(256))),
)

t.test('lines', async (t) => {
  const texts = blobs.map((blob) => `${blob.toString('latin1').replaceAll(/[\r\n]/g, '')} ä € 𝄞`)
  t.strictSame(await echo(t, lines(), texts), texts)
})

t.test('delimited', async (t) => {
  const mark = Buffer.from('--end--')
  t.strictSame(await echo(t, delimited(mark), blobs), blobs)
})

t.test('lengthPrefixed', async (t) => {
  t.strictSame(await echo(t, lengthPrefixed({ width: 2, endianness: 'little' }), blobs), blobs)
})

t.test('bytes', async (t) => {
  const got = await echo(t, bytes(), blobs)
  t.ok(Buffer.concat(got).equals(Buffer.concat(blobs)))
})
