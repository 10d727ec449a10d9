/**
 * A process with a monitor of a bound socket and without file descriptors: the library fails to accept a connection again and
 * again, and says so each time.
 *
 * It says its endpoint, takes all descriptors when it reads a line, and says how many events of very many it took in one turn.
 * With the argument `unref` the monitor is left unread, and it says `alive` when some time has passed.
 */

import { openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as zmq from 'zeromq'
import { systemClock } from '../../src/clock/index.js'
import { Monitor } from '../../src/socket/monitor.js'
import type { NativeSocket } from '../../src/socket/native.js'
import { Turns } from '../support/turns.js'

const events = 50_000
const isUnreferenced = process.argv[2] === 'unref'

const router = new zmq.Router({ linger: 0 })
const turns = new Turns()
let seen = 0
const { promise, resolve } = (() => {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
})()
const monitor = new Monitor(router as unknown as NativeSocket, systemClock, {
  event: ({ type }) => {
    if (type !== 'accept:error') return
    seen += 1
    turns.work(0)
    if (seen === events) resolve()
  },
  failed: () => {}, // there may be no descriptor for another monitor
  ended: () => {},
})
if (isUnreferenced) monitor.unref()
await router.bind('tcp://127.0.0.1:*')
console.log(router.lastEndpoint)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await lines.next()
try {
  for (;;) openSync('/dev/null', 'r')
} catch {}
console.log('none left')
if (isUnreferenced) {
  // several times as long as the monitor is left unread
  await new Promise((resolve) => setTimeout(resolve, 500))
  console.log('alive')
} else {
  await promise
  console.log(turns.most)
}
process.exit(0)
