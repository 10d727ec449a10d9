/**
 * A process of the demonstration: publishes this machine's figures, a topic for each.
 *
 * It connects to the subscriber's endpoint, its only argument, and ends when the process that started it does or says so.
 */
import { createPublisher } from 'rivulet/pubsub'
import { firstValueFrom, interval, map, takeUntil } from 'rxjs'
import { figuresSource } from './counters.js'
import { parentGone } from './lifeline.js'
import { Cpu, Load, Memory, Network, topics } from './schemas.js'

const periodMs = 200

const [connect = ''] = process.argv.slice(2)
const publisher = await createPublisher({ connect })
const memory = publisher.topic(topics.memory, Memory)
const load = publisher.topic(topics.load, Load)

const gone = parentGone()
const figures$ = interval(periodMs).pipe(map(figuresSource()), takeUntil(gone))
figures$.subscribe((figures) => {
  for (const [core, cpu] of figures.cpus.entries()) publisher.topic(`${topics.cpu}.${core}`, Cpu).next(cpu)
  for (const [name, network] of figures.networks) {
    publisher.topic(`${topics.network}.${name.replaceAll(/[^\w-]/g, '-')}`, Network).next(network)
  }
  memory.next(figures.memory)
  load.next(figures.load)
})

await firstValueFrom(gone)
await publisher.close({ drain: false })
