/** What a handler may know of the connection of its caller: cut, resumed, silent, ended. */
import t from 'tap'
import { type CallerConnection, callerConnectionOf } from '../../src/call/index.js'
import { Calling } from './calling.js'

t.test('a handler hears how the connection of its caller is doing', async (t) => {
  let connection: CallerConnection | undefined
  const calling = new Calling({
    double: (_, context) => {
      connection = callerConnectionOf(context)
      return new Promise(() => {})
    },
  })
  const { pair, clock } = calling
  calling.start('double')
  pair.pump()
  t.ok(connection)
  if (connection === undefined) return
  const states: string[] = [connection.state]
  const unwatch = connection.onChange(() => states.push((connection as CallerConnection).state))
  pair.acceptor.receivedAt = clock.now()
  clock.advance(500)
  t.equal(connection.silentMs, 500)
  pair.acceptor.suspected = true
  pair.acceptor.handler?.onStatus(undefined)
  pair.acceptor.suspected = false
  pair.acceptor.handler?.onStatus(undefined)
  pair.acceptor.handler?.onStatus(undefined)
  t.equal(connection.lostMs, undefined)
  pair.cut()
  clock.advance(200)
  t.equal(connection.lostMs, 200)
  pair.resume()
  t.equal(connection.lostMs, undefined)
  pair.end()
  unwatch()
  t.strictSame(states, ['open', 'silent', 'open', 'closed', 'open', 'ended'])
  t.equal(callerConnectionOf({} as never), undefined)
})
