/** A peer that floods a bound socket until its queue is full and then resets the connection does not end the process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { loader, modulePath } from '../child-process.js'
import { floods } from '../support/floods.js'
import { rawPeer } from '../support/raw-zmtp.js'
import { reset } from '../support/reset.js'

const program = modulePath('test/socket/flooded-process.ts')

/** Connections that flood at the same time. */
const peers = 5

/** Frames of each: more than any mark. */
const frames = 20_000

const socketTypes = { pull: 'PUSH', publisher: 'XSUB', subscriber: 'XPUB', server: 'DEALER' }

for (const [kind, socketType] of Object.entries(socketTypes)) {
  for (const [name, unit] of Object.entries(floods)) {
    t.test(`a ${kind} flooded with ${name}`, async (t) => {
      const child: ChildProcess = spawn(process.execPath, [...loader, program, kind])
      t.teardown(() => child.kill('SIGKILL'))
      const exit = once(child, 'exit')
      let complaints = ''
      child.stderr?.on('data', (text) => {
        complaints += text
      })
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
      const said = lines[Symbol.asyncIterator]()
      const endpoint = (await said.next()).value as string
      const sockets = await Promise.all(Array.from({ length: peers }, () => rawPeer(t, endpoint, socketType)))
      child.stdin?.write('stop\n')
      const flood = Buffer.concat(Array(frames).fill(unit))
      for (const socket of sockets) socket.write(flood)
      t.equal((await said.next()).value, 'half')
      for (const socket of sockets) reset(socket)
      const rest: unknown[] = []
      for await (const line of said) rest.push(line)
      t.strictSame(rest, ['awake', 'alive'])
      t.strictSame(await exit, [0, null], complaints)
    })
  }
}
