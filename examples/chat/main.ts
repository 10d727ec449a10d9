/**
 * A chat that runs without anybody typing: members in processes of their own come, talk, crash, come back and go.
 *
 * Run it with `npx tsx examples/chat/main.ts`; to type yourself, see `member.ts`.
 */
import { createDirectoryHost } from 'rivulet/directory'
import { MemberProcess } from './processes.js'

await using directory = await createDirectoryHost({ bind: 'tcp://127.0.0.1:*' })
directory.errors.subscribe(({ message }) => console.log(`the directory: ${message}`))
const members: MemberProcess[] = []
using _ = { [Symbol.dispose]: () => members.map((member) => member.kill()) }

function start(name: string, label?: string): MemberProcess {
  const member = new MemberProcess(name, directory.endpoint, label)
  members.push(member)
  return member
}

const ada = start('ada')
await ada.prints('* you see 0 others')
const bob = start('bob')
await Promise.all([ada.prints('* bob has joined'), bob.prints('* ada has joined')])
const cyn = start('cyn')
await Promise.all([ada, bob].map((member) => member.prints('* cyn has joined')))
await cyn.prints('* you see 2 others')

// to all, to one, and a question
ada.type('good morning')
await Promise.all([bob, cyn].map((member) => member.prints('ada: good morning')))
bob.type('@ada good morning to you')
await ada.prints('bob to you: good morning to you')
cyn.type('?ada')
await cyn.prints('lines received by ada: 1')

// a name belongs to one member at a time
const other = start('ada', 'other ada')
console.log(`the other ada has ended with ${await other.ended}`)

// a crash shows as soon as the connection is missed for a while
bob.type('/crash')
console.log(`bob has ended with ${await bob.ended}`)
await Promise.all([ada, cyn].map((member) => member.prints('* bob has left')))
ada.type('@bob are you there?')
await ada.prints("! send: the peer 'bob' has left")
const again = start('bob')
await Promise.all([ada, cyn].map((member) => member.prints('* bob has joined')))
await again.prints('* you see 2 others')
again.type('I am back')
await Promise.all([ada, cyn].map((member) => member.prints('bob: I am back')))

for (const member of [ada, again, cyn]) member.type('/quit')
console.log(`the others have ended with ${await Promise.all([ada, again, cyn].map(({ ended }) => ended))}`)
