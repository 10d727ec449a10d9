/** What frames wait for that a log on disk is about to take, and what becomes of them when it fails. */
import t from 'tap'
import { LogGates } from '../../patterns/pubsub/log-gates.js'
import { RivuletError } from '../../src/errors/index.js'
import { type Deferred, deferred } from '../../src/lifecycle/index.js'
import { turn } from '../support/events.js'

function world() {
  const counts = { changed: 0, dropped: 0 }
  const errors: RivuletError[] = []
  const gates = new LogGates({
    changed: () => {
      counts.changed += 1
    },
    dropped: (messages) => {
      counts.dropped += messages
    },
    report: (error) => errors.push(error),
  })
  return { gates, counts, errors }
}

const full = new RivuletError('RIVULET_STORE_FULL', 'full')

t.test('in memory there is no gate', async (t) => {
  const { gates } = world()
  t.equal(
    gates.through(() => undefined),
    undefined,
  )
})

t.test('a gate opens when the log has the frame', async (t) => {
  const { gates, counts } = world()
  const done: Deferred = deferred()
  const gate = gates.through(() => done.promise)
  t.equal(gate?.state, 'shut')
  done.resolve()
  await turn()
  t.strictSame([gate?.state, counts.changed], ['open', 1])
})

t.test('it fails with the log, once and for all: that is reported once', async (t) => {
  const { gates, counts, errors } = world()
  const one = gates.through(() => Promise.reject(full))
  const other = gates.through(() => Promise.reject(new Error('broken')))
  await turn()
  t.strictSame([one?.state, other?.state, counts.changed], ['failed', 'failed', 2])
  one?.lost(3)
  t.equal(counts.dropped, 3)
  t.strictSame(errors, [full])
  t.equal(gates.failure, full)
  const thrown = gates.through(() => {
    throw new Error('closed')
  })
  t.equal(thrown?.state, 'failed')
})

t.test('a failure without a code has one', async (t) => {
  const { gates } = world()
  const cause = new Error('broken')
  gates.through(() => {
    throw cause
  })
  t.match(gates.failure, { code: 'RIVULET_STORE_FAILED', cause })
})
