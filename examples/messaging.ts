/**
 * Message passing: a planner hands out work to workers by name, and sees them come and go.
 *
 * All peers are in one process here; they need not be. Run it with `npx tsx examples/messaging.ts`.
 */
import { defineSchema } from 'rivulet/avro'
import { createPeer, defineAsk, type Peer } from 'rivulet/messaging'
import { filter, firstValueFrom, take, toArray } from 'rxjs'

const Job = defineSchema({ type: 'record', name: 'Job', fields: [{ name: 'number', type: 'int' }] })
const Report = defineSchema({
  type: 'record',
  name: 'Report',
  fields: [
    { name: 'number', type: 'int' },
    { name: 'result', type: 'string' },
  ],
})

const load = defineAsk('load', defineSchema('null'), defineSchema('int'))

/** Does jobs, and reports each to the peer that sent it. */
function work(peer: Peer): void {
  let done = 0
  peer.answer(load, () => done)
  peer.deliveries(Job).subscribe(({ from, value: { number } }) => {
    done += 1
    void peer.send(from.name, Report, { number, result: `${number * number} by ${peer.name}` })
  })
}

const planner = await createPeer({ name: 'planner', bind: 'tcp://127.0.0.1:*' })
planner.presence.subscribe((event) => {
  if ('peer' in event) console.log(event.peer.name, event.kind)
})

// each would be in a process of its own; those of one process share its link
const first = await createPeer({ name: 'worker-1', connect: planner.endpoint })
const second = await createPeer({ name: 'worker-2', over: first })
work(first)
work(second)

const reports = firstValueFrom(planner.messages(Report).pipe(take(4), toArray()))
for (let number = 1; number <= 4; number++) await planner.send(`worker-${1 + (number % 2)}`, Job, { number })
for (const { number, result } of await reports) console.log(`job ${number}: ${result}`)

for (const { name } of planner.peers) console.log(`${name} has done ${await planner.ask(name, load, null)} jobs`)

// a worker goes: what is sent to it waits for the next one of its name
const gone = firstValueFrom(planner.presence.pipe(filter(({ kind }) => kind === 'left')))
await second.close()
await gone
const last = firstValueFrom(planner.messages(Report))
const sending = planner.send('worker-2', Job, { number: 5 })
const third = await createPeer({ name: 'worker-2', over: first })
work(third)
await sending
console.log(`job 5: ${(await last).result}`)

const everybody = await planner.broadcast(Job, { number: 6 })
console.log(`job 6 went to ${everybody.sent} workers`)

await first.close() // and the peers over it
await planner.close()
