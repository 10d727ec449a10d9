/**
 * A line protocol over TCP: a small store that any program can talk to, `nc` and `stream.py` among them.
 *
 * `npx tsx examples/stream.ts` talks to itself. `npx tsx examples/stream.ts serve` prints where it listens, and serves until a client
 * says `stop`: then try `python3 examples/stream.py PORT`, or `nc 127.0.0.1 PORT`.
 */
import { connectStream, createStreamListener, lines } from 'rivulet/socket'
import { concat, from, of, take, toArray } from 'rxjs'

const framing = lines({ maxLineBytes: 4096 })
const listener = await createStreamListener({ framing, bind: 'tcp://127.0.0.1:*', idleTimeoutMs: 60_000 })

const store = new Map<string, string>()

/** The lines that answer a line: one, or a list and its end. */
function answer(line: string) {
  const [, command, name = '', value = ''] = /^(\w*) ?(\S*) ?(.*)$/.exec(line) ?? []
  if (command === 'set') {
    store.set(name, value)
    return 'ok'
  }
  if (command === 'get') return store.has(name) ? `value ${store.get(name)}` : 'none'
  if (command === 'list') return concat(from([...store.keys()].sort()), of('end'))
  if (command === 'stop') {
    void listener.close()
    return 'closing'
  }
  return `unknown command: ${command}`
}

// one line after the other; this half ends when the client has ended its own, and everything is answered
listener.connections.subscribe((connection) => {
  connection.errors.subscribe((error) => console.log(`a client: ${error.code}`))
  connection.messages.process(answer).subscribe(connection)
})

if (process.argv[2] === 'serve') {
  console.log(new URL(listener.endpoint).port)
  await listener.whenClosed
} else {
  await using connection = await connectStream({ framing, connect: listener.endpoint })
  connection.messages.pipe(take(5), toArray()).subscribe((answers) => console.log(answers))
  await connection.sendAll(['set colour dark blue', 'get colour', 'get size', 'list'])
  connection.complete()
  console.log(`ended in order: ${(await connection.whenEnded) === undefined}`)

  // a line that is too long ends the connection of its sender, and no other
  await using careless = await connectStream({ framing: lines(), connect: listener.endpoint })
  careless.errors.subscribe((error) => console.log(`this client: ${error.code}`))
  await careless.send('x'.repeat(5000))
  await careless.whenEnded
  await listener.close()
}
