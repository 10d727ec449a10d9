/** A server with an honest client that calls all the while, and strangers beside it: what every test of hostile peers needs. */
import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { createRpcClient, type RpcServerOptions } from '../../patterns/rpc/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { turn } from '../support/events.js'
import { CallRecords, kinds, LinkStranger } from '../support/link-stranger.js'
import { Plant } from '../support/plant.js'
import { place } from '../support/transports.js'
import { Lab, type LabHandlers, openServer } from './lab.js'

/** The numbers of methods for a stranger that has bound the service: the order of the protocol. */
export const method = { get: 0, peek: 1, echo: 2, list: 3, total: 4, relay: 5, note: 6 } as const

/** Opens all of it. */
export async function besieged(t: Test, options: Partial<RpcServerOptions> = {}, handlers: Partial<LabHandlers> = {}) {
  const { runtime, bind } = place(t, 'tcp')
  const server = await openServer({ runtime, bind }, handlers, options)
  const codes: string[] = []
  server.errors.subscribe(({ code }) => codes.push(code))
  const honest = await createRpcClient(Lab, { connect: server.endpoint, runtime })
  const honestErrors: string[] = []
  honest.errors.subscribe(({ code }) => honestErrors.push(code))
  let stop = false
  let calls = 0
  const failures: unknown[] = []
  const load = (async () => {
    while (!stop) {
      try {
        await honest.promises.peek({ id: calls++ })
        if (calls % 10 === 0) for await (const _ of honest.list({ count: 5 }));
      } catch (error) {
        failures.push(error)
      }
      await turn()
    }
  })()
  return {
    server,
    honest,
    /** Codes that the server has reported. */
    codes,
    stranger: () => LinkStranger.open(t, server.endpoint),
    /** The honest client has had an answer to all its calls, on one session, and has one now. */
    async unharmed(t: Test): Promise<void> {
      stop = true
      await load
      t.equal((await honest.promises.get({ id: 5 })).id, 5)
      t.strictSame([failures, honestErrors], [[], []], `${calls} honest calls`)
      t.equal(honest.stats().sessions, 1)
    },
  }
}

/** Announces the service and waits until it is agreed. */
export async function agreed(stranger: LinkStranger): Promise<LinkStranger> {
  await stranger.enter()
  await stranger.items([bindItem()])
  await stranger.item(kinds.bound)
  return stranger
}

/** The announcement of a service, or of any other text in its name. */
export function bindItem(text = serviceOf(Lab).text, binding = 0, service = 'test.Lab') {
  const hash = createHash('sha256').update(text).digest().subarray(0, 16)
  const body = CallRecords.bind.toBuffer({ binding, service, hash, firstMethod: 0, extensions: {} })
  return { stream: 0, kind: kinds.bind, flags: 0, body }
}

/** What a stranger needs to call a server of `Plant`. */
export const announce = {
  plant: { text: serviceOf(Plant).text, item: bindItem(serviceOf(Plant).text, 0, 'Plant') },
}
