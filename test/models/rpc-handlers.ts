/** What handlers do in the models of RPC: answer, fail, never end, or return what cannot be touched. */
import { NEVER, Observable, of } from 'rxjs'
import type { LabHandlers } from '../rpc/lab.js'
import { Lab as Service } from '../rpc/lab.js'
import { turn } from '../support/events.js'

/** Handlers that answer. */
export const answering = ['value', 'promise', 'later', 'observable'] as const

/** Handlers that fail their own call alone. */
export const failing = [
  'throws',
  'rejects',
  'declares',
  'revoked proxy',
  'throwing then',
  'throwing subscribe',
  'throws revoked proxy',
  'rejects with throwing getter',
  'empty',
  'undefined',
  'wrong type',
] as const

/** All of them; `never` ends when nobody waits any more. */
export const behaviours = [...answering, ...failing, 'never'] as const

/** One of them. */
export type Behaviour = (typeof behaviours)[number]

function revoked(): never {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy as never
}

function throwing(name: string): never {
  return {
    get [name]() {
      throw revoked()
    },
  } as never
}

async function later<T>(value: T): Promise<T> {
  await turn()
  return value
}

/** Does it with one response. */
export function behave<T>(behaviour: Behaviour, value: T): T | Promise<T> | Observable<T> {
  const acts: Record<Behaviour, () => T | Promise<T> | Observable<T>> = {
    value: () => value,
    promise: () => Promise.resolve(value),
    later: () => later(value),
    observable: () => of(value),
    throws: () => {
      throw new Error('as it was told to')
    },
    rejects: () => Promise.reject(new Error('as it was told to')),
    declares: () => {
      throw Service.error('get', 'NotFound', { id: 1 })
    },
    'revoked proxy': revoked,
    'throwing then': () => throwing('then'),
    'throwing subscribe': () => throwing('subscribe'),
    'throws revoked proxy': () => {
      throw revoked()
    },
    'rejects with throwing getter': () => Promise.reject(throwing('message')),
    empty: () => new Observable<T>((subscriber) => subscriber.complete()),
    undefined: () => undefined as T,
    'wrong type': () => 'no item' as T,
    never: () => NEVER,
  }
  return acts[behaviour]()
}

/** Handlers that do what the headers of a call say, and tell which call runs. */
export function handlersOf(runs: (call: string) => void): LabHandlers {
  const begin = (headers: Readonly<Record<string, string>>): Behaviour => {
    runs(headers.call ?? '')
    return headers.does as Behaviour
  }
  return {
    get: ({ id }, { headers }) => behave(begin(headers), { id }),
    peek: ({ id }, { headers }) => behave(begin(headers), { id }),
    echo: ({ data }, { headers }) => behave(begin(headers), data),
    list({ count }, { headers }) {
      const does = begin(headers)
      if (does === 'value') return Array.from({ length: count }, (_, id) => ({ id }))
      if (does === 'later') return slowly(count)
      return behave(does, { id: 0 }) as never
    },
    total(requests, { headers }) {
      const does = begin(headers)
      if (does === 'value' || does === 'later') return sumOf(requests)
      // a subscriber that does not care how the requests end
      requests.subscribe()
      return behave(does, 0)
    },
    relay(requests, { headers }) {
      const does = begin(headers)
      if (does === 'value' || does === 'later') return requests
      requests.subscribe()
      return behave(does, { id: 0 }) as never
    },
    note: (_, { headers }) => {
      begin(headers)
    },
  }
}

async function* slowly(count: number) {
  for (let id = 0; id < count; id++) {
    if (id % 16 === 0) await turn()
    yield { id }
  }
}

async function sumOf(requests: AsyncIterable<{ readonly id: number }>): Promise<number> {
  let sum = 0
  for await (const { id } of requests) sum += id
  return sum
}
