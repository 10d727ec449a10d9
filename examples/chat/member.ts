/**
 * A member of the chat, in a process of its own: sends what is typed, and prints messages and changes of presence.
 *
 * Start a directory first, then each member in a terminal of its own:
 *
 *     npx tsx examples/chat/directory.ts
 *     npx tsx examples/chat/member.ts ada
 *
 * `hello` goes to all, `@bob hello` to bob alone, `?bob` asks bob how many lines he has received; `/quit` leaves, `/crash` kills
 * this process. The directory's endpoint is the second argument; it is said there, and needed only where it is another one.
 */
import { createInterface } from 'node:readline'
import { createDirectory } from 'rivulet/directory'
import { createPeer, type PresenceEvent } from 'rivulet/messaging'
import { Line, linesOf } from './schemas.js'

const [name, connect = 'tcp://127.0.0.1:7411'] = process.argv.slice(2)
if (name === undefined) {
  console.error('Usage: npx tsx examples/chat/member.ts NAME [ENDPOINT]')
  process.exit(2)
}

const directory = await createDirectory({ connect })
const self = await createPeer({ name, bind: 'tcp://127.0.0.1:*', directory })
let received = 0

directory.errors.subscribe(({ message }) => console.log(`! ${message}`))
self.errors.subscribe(({ code, message }) => {
  console.log(`! ${message}`)
  if (code === 'RIVULET_NAME_TAKEN') process.exit(1)
})
self.presence.subscribe((event) => console.log(changeText(event)))
self.deliveries(Line).subscribe(({ from, value: { text, isPrivate } }) => {
  received += 1
  console.log(`${from.name}${isPrivate ? ' to you' : ''}: ${text}`)
})
self.answer(linesOf, () => received)

for await (const line of createInterface({ input: process.stdin })) {
  if (line === '/quit') break
  if (line === '/crash') process.kill(process.pid, 'SIGKILL')
  try {
    console.log(await say(line.trim()))
  } catch (error) {
    console.log(`! ${(error as Error).message}`)
  }
}
process.stdin.destroy() // it would keep the process
await self.close()
await directory.close()

/** Resolves with what has become of a line that was typed. */
async function say(line: string): Promise<string> {
  const [, sign, to = '', rest = ''] = /^([@?])(\S+)\s*(.*)$/.exec(line) ?? []
  const toOne = { waitForReady: false } // a chat does not wait for members that are not there
  if (sign === '?') return `lines received by ${to}: ${await self.ask(to, linesOf, null, toOne)}`
  if (sign === '@') {
    await self.send(to, Line, { text: rest, isPrivate: true }, toOne)
    return `sent to ${to}`
  }
  const { sent } = await self.broadcast(Line, { text: line, isPrivate: false })
  return `sent to ${sent}`
}

function changeText(event: PresenceEvent): string {
  if (event.kind === 'complete') return `* you see ${self.peers.length} others`
  const changes = {
    joined: 'has joined',
    left: 'has left',
    suspected: 'is silent',
    recovered: 'is heard again',
    conflict: 'keeps the name, which another one claims',
  }
  return `* ${event.peer.name} ${changes[event.kind]}`
}
