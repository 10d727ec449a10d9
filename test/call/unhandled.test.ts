/** No end of a call that a peer causes ends the process, whatever callbacks the subscribers of its streams have. */
import { map, merge, NEVER, share } from 'rxjs'
import t from 'tap'
import { callKind } from '../../src/call/call-kinds.js'
import type { CallStream } from '../../src/call/call-stream.js'
import type { CallHandler } from '../../src/call/served-service.js'
import { RivuletError } from '../../src/errors/index.js'
import { itemFlag } from '../../src/session/item.js'
import { uncaught } from '../support/uncaught.js'
import { Calling, numbered } from './calling.js'
import { codec, Stranger } from './strangers.js'

/** Ways to take requests without an error callback. */
const takes: Record<string, (requests: CallStream<unknown>) => void> = {
  subscribe: (requests) => void requests.subscribe(),
  'operators and share': (requests) => void requests.pipe(map(String), share()).subscribe(() => {}),
  merge: (requests) => void merge(requests, NEVER).subscribe(() => {}),
  process: (requests) => void requests.process(() => 1).subscribe(() => {}),
  'an operator behind process': (requests) =>
    void requests
      .process(() => 1)
      .pipe(map(String))
      .subscribe(),
}

const number = (method: string) => [...codec.methods.keys()].indexOf(method) * 2

/** What a peer can do to the stream of requests of a call. */
const ends: Record<string, { readonly code: string; run(stranger: Stranger): void }> = {
  'is cancelled': {
    code: 'RIVULET_CANCELLED',
    run: (stranger) => stranger.say(1, callKind.cancel, Buffer.alloc(0)),
  },
  'loses its caller': { code: 'RIVULET_CANCELLED', run: ({ pair }) => pair.end() },
  'gets an invalid item': {
    code: 'RIVULET_INVALID_REQUEST',
    run: (stranger) => stranger.say(1, callKind.item, Buffer.from([0xff])),
  },
  'gets an unknown critical item': {
    code: 'RIVULET_INVALID_REQUEST',
    run: (stranger) => stranger.say(1, 99, Buffer.alloc(0), itemFlag.critical),
  },
  'is late': {
    code: 'RIVULET_DEADLINE_EXCEEDED',
    run: ({ calling }) => calling.clock.advance(60_000),
  },
  'is stopped by its server': {
    code: 'RIVULET_CLOSED',
    run: ({ calling }) => calling.host.stopAll(new RivuletError('RIVULET_CLOSED', 'closed')),
  },
}

for (const [way, take] of Object.entries(takes)) {
  for (const [what, { code, run }] of Object.entries(ends)) {
    t.test(`${way}: a call that ${what}`, async (t) => {
      const thrown = uncaught(t)
      const sum: CallHandler = (requests) => {
        take(requests as CallStream<unknown>)
        return NEVER
      }
      const stranger = new Stranger(new Calling({ sum }))
      stranger.bind()
      // the deadline is a time of the session of the fake pair
      stranger.say(1, callKind.request, Buffer.from([number('sum'), 0xa0, 0x9c, 0x01, 0, 0]))
      stranger.say(1, callKind.item, Buffer.from([2]))
      t.match(stranger.calling.host.stats(), { open: 1 })
      run(stranger)
      await stranger.calling.settle()
      await thrown.settled()
      t.strictSame(thrown.errors, [])
      t.match(stranger.calling.errors, [{ code: 'RIVULET_UNHANDLED_ERROR', message: /requests of test\.Numbers\.sum/ }])
      t.match(stranger.calling.errors[0]?.cause, { code })
      t.match(stranger.calling.host.stats(), { open: 0, running: 0 })
    })
  }
}

t.test('a caller is told of what its server does, and lives', async (t) => {
  const thrown = uncaught(t)
  const count = numbered((n) => {
    throw new Error(`${n}`)
  })
  const calling = new Calling({ count })
  for (const [way, take] of Object.entries(takes)) {
    const { responses } = calling.start('count')
    take(responses)
    await calling.settle()
    await thrown.settled()
    t.strictSame(thrown.errors, [], way)
    const [, reported] = calling.errors.splice(0)
    t.match(reported, { code: 'RIVULET_UNHANDLED_ERROR', message: /responses of test\.Numbers\.count/ })
    t.match(reported?.cause, { code: 'RIVULET_INTERNAL' })
  }
  t.strictSame(calling.leftovers, {})
})
