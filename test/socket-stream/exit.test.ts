/** Processes with byte streams end when they may: what is closed or unreferenced keeps none alive, what is open does. */
import t from 'tap'
import { build, root } from '../../tools/build.js'
import { complaint, runModule } from '../child-process.js'

t.before(build)

const open = `
import { connectStream, createStreamListener, lines, reconnectStream } from 'rivulet/socket'
import { firstValueFrom } from 'rxjs'
const framing = lines()
const listener = await createStreamListener({ framing, bind: 'tcp://127.0.0.1:*' })
const accepted = firstValueFrom(listener.connections)
const client = await connectStream({ framing, connect: listener.endpoint })
const server = await accepted
listener.connections.subscribe((connection) => connection.unref())
const stream = await reconnectStream({ framing, connect: listener.endpoint })
await stream.whenConnected()
`

t.test('what is closed keeps no process alive', async (t) => {
  const ended = await runModule(
    `${open} for (const one of [client, stream, server, listener]) await one.close({ drain: false })
    // handles are closed at the end of a turn
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve))
    console.log(process.getActiveResourcesInfo().filter((name) => /TCP|Pipe(?!Wrap)/.test(name)).join())`,
    root,
  )
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout.trim(), '')
})

t.test('nor does what is unreferenced', async (t) => {
  const ended = await runModule(
    `${open} for (const one of [client, stream, server, listener]) one.unref()
    process.on('exit', () => console.log([client, stream, server, listener].map(({ status }) => status).join()))`,
    root,
  )
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout.trim(), 'open,open,open,open')
})

t.test('what is open does', async (t) => {
  const ended = await runModule(
    `${open} for (const one of [client, server, listener]) await one.close({ drain: false })
    // only the stream is left, which waits to connect again
    const timer = setTimeout(() => void stream.close({ drain: false }), 300).unref()
    process.on('exit', () => console.log(stream.status))`,
    root,
  )
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout.trim(), 'closed')
})
