/** What handlers do in the models of RPC: answer, fail, never end, or return what cannot be touched. */
import { from, NEVER, Observable, of } from 'rxjs'
import type { CallContext } from '../../patterns/rpc/index.js'
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

/** All of them; `never` ends when nobody waits any more, `drains` when the server closes. */
export const behaviours = [...answering, ...failing, 'never', 'drains'] as const

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

/** What the model hears of handlers. */
export interface Heard {
  /** A call runs. */
  runs(call: string): void
  /** A handler waits for the end of its server, until this aborts or nobody waits for its call. */
  waits(draining: AbortSignal, signal: AbortSignal): void
}

/** Ends as its server begins to close, and says so. */
function drains({ waits }: Heard, { draining, signal }: CallContext): Promise<never> {
  waits(draining, signal)
  return new Promise((_, reject) => {
    const end = () => reject(draining.reason)
    if (draining.aborted) end()
    else draining.addEventListener('abort', end, { once: true })
  })
}

/** Does it with one response. */
export function behave<T>(behaviour: Exclude<Behaviour, 'drains'>, value: T): T | Promise<T> | Observable<T> {
  const acts: Record<Exclude<Behaviour, 'drains'>, () => T | Promise<T> | Observable<T>> = {
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
export function handlersOf(heard: Heard): LabHandlers {
  const begin = ({ headers }: CallContext): Behaviour => {
    heard.runs(headers.call ?? '')
    return headers.does as Behaviour
  }
  const answer = <T>(context: CallContext, value: T) => {
    const does = begin(context)
    return does === 'drains' ? drains(heard, context) : behave(does, value)
  }
  return {
    get: ({ id }, context) => answer(context, { id }),
    peek: ({ id }, context) => answer(context, { id }),
    echo: ({ data }, context) => answer(context, data),
    list({ count }, context) {
      const does = begin(context)
      if (does === 'value') return Array.from({ length: count }, (_, id) => ({ id }))
      if (does === 'later') return slowly(count)
      if (does === 'drains') return from(drains(heard, context))
      return behave(does, { id: 0 }) as never
    },
    total(requests, context) {
      const does = begin(context)
      if (does === 'value' || does === 'later') return sumOf(requests)
      // a subscriber that does not care how the requests end
      requests.subscribe()
      return does === 'drains' ? drains(heard, context) : behave(does, 0)
    },
    relay(requests, context) {
      const does = begin(context)
      if (does === 'value' || does === 'later') return requests
      requests.subscribe()
      return does === 'drains' ? from(drains(heard, context)) : (behave(does, { id: 0 }) as never)
    },
    note: (_, context) => {
      begin(context)
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
