/**
 * A process that subscribes to prefixes without end, over one connection after the other.
 *
 * Arguments: the endpoint of a publisher, connections at the same time, bytes of a prefix, and how: `new` prefixes only, or
 * `hidden` ones, which a second connection cancels although it has never subscribed to them.
 */
import { turn } from '../support/events.js'
import { TcpSubscriber } from './tcp-subscriber.js'

const [endpoint = '', connections = '1', bytes = '256', how = 'new'] = process.argv.slice(2)
let ids = 0

function* prefixes(count: number): Iterable<string> {
  for (let one = 0; one < count; one++) {
    const id = `${process.pid}.${ids++}.`
    yield id.padEnd(Number(bytes), id)
  }
}

async function flood(): Promise<void> {
  for (;;) {
    const pair = await Promise.all([TcpSubscriber.connect(endpoint), TcpSubscriber.connect(endpoint)]).catch(turn)
    // refused, for a moment
    if (!pair) continue
    const [one, other] = pair
    let ended = false
    void one.ended.then(() => {
      ended = true
    })
    while (!ended) {
      const batch = [...prefixes(64)]
      await one.subscribe(batch)
      if (how === 'hidden') await other.subscribe(batch, false)
    }
    other.close()
  }
}

for (let one = 0; one < Number(connections); one++) void flood()
// the test ends it
process.on('disconnect', () => process.exit(0))
