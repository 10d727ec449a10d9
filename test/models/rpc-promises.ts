/** What is promised of the calls of a service: at all times, and when clients and servers have closed. */
import { defaults } from '../../src/options/index.js'
import type { World } from './rpc-world.js'

/** Checks what holds at all times. */
export function checkCounts({ lab, servers, clients }: World): void {
  for (const { server } of servers) {
    const { started, answered, failed, cancelled, open } = server.stats()
    lab.expect(started === answered + failed + cancelled + open, () => `server: ${JSON.stringify(server.stats())}`)
  }
  for (const client of clients) {
    const { started, succeeded, failed, open, waiting } = client.stats()
    lab.expect(started === succeeded + failed + open + waiting, () => `client: ${JSON.stringify(client.stats())}`)
  }
}

/** What a server that closes does to calls is said as that; where time is let pass, its last words may come too late. */
function checkOrderlyEnds({ lab, made, isSlow }: World): void {
  if (lab.transport !== 'inproc' || isSlow) return
  for (const { outcome, client, madeAt, endedAt } of made) {
    if (outcome.error?.code !== 'RIVULET_UNKNOWN_OUTCOME' || client.status !== 'open') continue
    const { message, cause } = outcome.error
    lab.expect(endedAt > madeAt, () => `${outcome.label} ended with an unknown outcome: ${message}, ${cause}`)
  }
}

/** Comes to rest, closes, and checks how calls ended and what ran. */
export async function endWorld(world: World): Promise<void> {
  const { lab, servers, clients, made, runs } = world
  // calls that wait for an endpoint
  world.lists.next([...world.ways])
  if (world.calm && lab.transport === 'inproc') {
    const plain = made.filter(({ isPlain }) => isPlain)
    const late = () => plain.filter(({ outcome }) => !outcome.settled).map(({ outcome }) => outcome.label)
    await lab.until(
      () => plain.every(({ outcome }) => outcome.settled),
      () => `answers of ${late()}`,
    )
    for (const { outcome, madeAt, endedAt } of plain) {
      // the rest of its time has passed on the clock of the machine
      const hadItsTime = world.hadNoEndpoint && endedAt - madeAt > defaults.callTimeoutMs / 2
      lab.expect(
        outcome.error === undefined || (hadItsTime && outcome.error.code === 'RIVULET_DEADLINE_EXCEEDED'),
        () => `${outcome.label} ended with ${outcome.error?.code} in a calm world: ${outcome.error?.message}`,
      )
    }
  }
  checkOrderlyEnds(world)
  for (const client of clients) lab.close(client, { timeoutMs: 50 })
  await lab.until(() => clients.every(({ closed }) => closed), 'clients close')
  await lab.until(
    () => servers.every(({ server }) => server.closed || server.stats().open === 0),
    'servers forget calls of clients that are gone',
  )
  for (const { server } of servers) lab.close(server, { timeoutMs: 50 })
  await lab.settled()
  for (const { server } of servers) lab.expect(server.stats().open === 0, 'a closed server has open calls')
  for (const client of clients) {
    const { open, waiting } = client.stats()
    lab.expect(open + waiting === 0, 'a closed client has open calls')
  }
  for (const { id, method, outcome } of made) {
    const times = runs.get(id) ?? 0
    if (method !== 'peek') lab.expect(times <= 1, `${outcome.label} ran ${times} times`)
    lab.expect(times === 0 || outcome.error?.executed !== 'no', `${outcome.label} ran, and is said not to`)
  }
}
