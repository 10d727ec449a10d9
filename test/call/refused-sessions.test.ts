/** Calls on sessions that end since the server does not admit the client any more, and handlers there. */
import { Observable } from 'rxjs'
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { Calling, collect, numbered } from './calling.js'

const revoked = () => new RivuletError('RIVULET_UNAUTHENTICATED', 'the key of this peer is no longer admitted')

t.test('open calls end with the code of the refusal, and say whether they may have run', async (t) => {
  const aborted: unknown[] = []
  const calling = new Calling({
    double: (_, { signal }) => {
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(aborted.push('double')))
      })
    },
    count: () =>
      new Observable<number>((observer) => {
        observer.next(1)
        return () => aborted.push('count')
      }),
  })
  const sent = [calling.start('double', 1), calling.start('double', 2, { idempotent: true })]
  const stream = collect(calling.start('count').responses)
  calling.pump()
  calling.pair.dialer.blocked = true
  const unsent = calling.start('double', 3)
  calling.pair.end(revoked())
  await calling.settle()
  for (const { outcomes } of sent) t.match(outcomes, [{ code: 'RIVULET_UNAUTHENTICATED', executed: 'maybe' }])
  t.match(unsent.outcomes, [{ code: 'RIVULET_UNAUTHENTICATED', executed: 'no' }])
  t.strictSame(stream.values, [1])
  t.match(stream.end, { code: 'RIVULET_UNAUTHENTICATED', executed: 'maybe', message: /no longer admitted/ })
  t.strictSame(aborted.sort(), ['count', 'double', 'double'])
  t.strictSame(calling.leftovers, {})
})

t.test('another server that takes them gets those that can move', async (t) => {
  const calling = new Calling({ double: numbered((n) => n * 2) }, { sessions: 2 })
  for (const { dialer } of calling.pairs.slice(0, 1)) dialer.blocked = true
  const unsent = [calling.start('double', 1), calling.start('double', 2)]
  calling.pairs[0]?.end(revoked())
  await calling.settle()
  t.strictSame(
    unsent.map(({ outcomes }) => outcomes),
    [[2], [4]],
  )
})
