/** Real sessions, over links whose frames a test moves, and the fakes that the tests of calls use. */
import t from 'tap'
import { FakePair } from '../support/fake-pair.js'
import type { FakeSession } from '../support/fake-session.js'
import { type SessionPair, testSessions } from './contract.js'
import { LinkPair, Listener, settings } from './link-pair.js'

testSessions(t, 'real', ({ streamWindowBytes, outboxBytes }) => {
  const own = { outboxBytes, limits: { ...settings.limits, streamWindowBytes } }
  const pair = new LinkPair({ dialer: own, acceptor: own }).connect()
  const [nearListener, farListener] = [pair.client, pair.server]
  const made: SessionPair = {
    near: nearListener.session,
    far: farListener.session,
    nearListener,
    farListener,
    // what has come is acknowledged with the next sign of life, which may be the one after it
    settle: () => pair.pass(2 * settings.heartbeatMs),
    cut: () => pair.cut(),
    resume: () => void pair.connect(),
    end: () => {
      pair.cut()
      pair.pass(settings.retentionMs + settings.heartbeatMs)
    },
  }
  return made
})

testSessions(t, 'fake', ({ streamWindowBytes, outboxBytes }) => {
  const pair = new FakePair({ windowBytes: streamWindowBytes, outboxBytes })
  const [nearListener, farListener] = [pair.dialer, pair.acceptor].map((end) => {
    const listener = new Listener(end as never)
    end.handler = listener
    return listener
  }) as [Listener, Listener]
  const near: FakeSession = pair.dialer
  return {
    near,
    far: pair.acceptor,
    nearListener,
    farListener,
    settle: () => void pair.pump(),
    cut: () => pair.cut(),
    resume: () => pair.resume(),
    end: () => pair.end(),
  }
})
