/**
 * Sensors over multicast: each sends its readings to a group, and a display receives them, counts what is lost, and answers.
 *
 * `npx tsx examples/datagram.ts alone` runs a display and three sensors. `npx tsx examples/datagram.ts display` waits for those of another
 * program: then run `python3 examples/datagram.py` on the same machine. Both take a port, if 5070 is in use.
 */
import { defineSchema, type Infer, record } from 'rivulet/avro'
import { createDatagram } from 'rivulet/socket'
import { filter, firstValueFrom, groupBy, mergeMap, take, toArray } from 'rxjs'

// a sensor with an older version, without a unit, is understood as well
const unit = { schema: 'string', default: '°C' } as const
const Reading = defineSchema(record('Reading', { sensor: 'string', celsius: 'double', unit }))
type Reading = Infer<typeof Reading>

const port = process.argv[3] ?? 5070
// on other machines, too: leave `interfaces` out, and give a `ttl` for the routers between
const multicast = { group: `udp://239.255.70.70:${port}`, interfaces: '127.0.0.1', ttl: 0 }
const readings = 3

await using display = await createDatagram({ schema: Reading, bind: 'udp://127.0.0.1:*', multicast })

const text = ({ sensor, celsius, unit }: Reading) => `${sensor}: ${celsius.toFixed(1)} ${unit}`

if (process.argv[2] === 'display') {
  const foreign = display.deliveries.pipe(filter(({ value }) => value.sensor === 'python'))
  const all = firstValueFrom(foreign.pipe(take(readings), toArray()))
  console.log('ready')
  for (const { value, from, sequence, lost } of await all) {
    console.log(`${text(value)}, number ${sequence}${lost > 0 ? `, ${lost} lost before it` : ''}`)
    if (sequence > readings) await display.sendTo(from, { sensor: 'display', celsius: value.celsius, unit: '°C' })
  }
} else {
  const sensors = await Promise.all(
    ['roof', 'cellar', 'garden'].map(async (name) => ({
      name,
      socket: await createDatagram({ schema: Reading, bind: 'udp://127.0.0.1:*', multicast }),
    })),
  )
  const shown = firstValueFrom(
    display.messages.pipe(
      groupBy(({ sensor }) => sensor),
      mergeMap((sensor) => sensor.pipe(take(readings), toArray())),
      take(sensors.length),
      toArray(),
    ),
  )
  for (let hour = 0; hour < readings; hour++) {
    for (const [place, { name, socket }] of sensors.entries()) {
      socket.next({ sensor: name, celsius: 10 + 5 * place + hour / 2, unit: '°C' })
    }
  }
  for (const list of await shown) console.log(list.map(text).join(', '))
  const { received, lost, sources } = display.stats()
  console.log(`${received} readings of ${sources.length} sources, ${lost} lost`)
  await Promise.all(sensors.map(({ socket }) => socket.close()))
}
