/** A client and a server that close together, in either order: calls that were made have their outcome. */
import t from 'tap'
import { closeAll } from '../../src/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { eachTransport } from '../support/transports.js'
import { openLab } from './lab.js'

for (const first of ['client', 'server'] as const) {
  eachTransport(t, `${first} first`, async (t, at) => {
    let noted = 0
    const begun = deferred()
    const { client, server } = await openLab(t, at, {
      handlers: {
        async get({ id }) {
          begun.resolve()
          for (let turn = 0; turn < id; turn++) await new Promise(setImmediate)
          return { id }
        },
        note: () => void noted++,
      },
    })
    const early = client.promises.get({ id: 20 })
    await begun.promise
    const late = Array.from({ length: 10 }, (_, id) => client.promises.get({ id }))
    void client.promises.note({ id: 1 })
    const closing = closeAll(first === 'client' ? [client, server] : [server, client])
    t.strictSame(await closing, { undelivered: 0 })
    t.match(await early, { id: 20 })
    t.equal((await Promise.all(late)).length, 10)
    t.equal(noted, 1)
    t.match(server.stats(), { open: 0, cancelled: 0 })
  })
}
