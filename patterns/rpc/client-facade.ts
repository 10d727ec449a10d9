/**
 * What users hold of a client: its public members and the methods of its service, and nothing of the inside, so that a method
 * may have any name that no public member has.
 */
import type { Service } from '../../src/avro/index.js'
import { closingOrder } from '../../src/lifecycle/index.js'
import type { RpcClient, RpcClientBase } from './method-types.js'

/** The public members. */
const members: Readonly<Record<keyof RpcClientBase<Service> & string, true>> = {
  endpoint: true,
  endpoints: true,
  publicKey: true,
  connected: true,
  refusedConnections: true,
  links: true,
  errors: true,
  securityEvents: true,
  stats: true,
  whenConnected: true,
  ref: true,
  unref: true,
  status: true,
  closed: true,
  whenClosed: true,
  close: true,
  calls: true,
  promises: true,
}

/** Makes the object that users get of a client. */
export function facadeOf<S extends Service>(client: RpcClientBase<S>): RpcClient<S> {
  const facade = {
    ref: () => client.ref() && facade,
    unref: () => client.unref() && facade,
  }
  for (const name of [...Object.keys(members), Symbol.asyncDispose, closingOrder]) {
    if (name in facade) continue
    const member = Reflect.get(client, name)
    const get = () => Reflect.get(client, name)
    Object.defineProperty(facade, name, typeof member === 'function' ? { value: member.bind(client) } : { get })
  }
  for (const [name, value] of Object.entries(client.calls)) {
    if (!(name in facade)) Object.defineProperty(facade, name, { value, enumerable: true })
  }
  return facade as RpcClient<S>
}
