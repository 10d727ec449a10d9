/** Endpoints in a file: changes, an empty list, what is no list, and a resource that follows it. */
import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { EndpointFile, fromFile } from '../../src/discovery/index.js'
import { Lab, openServer } from '../rpc/lab.js'
import { codesOf, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

t.test('each list of a file, and what is none', async (t) => {
  const path = join(t.testdir({ 'servers.json': '["tcp://a:1"]' }), 'servers.json')
  const clock = new VirtualClock()
  const file = new EndpointFile(path, clock)
  const [errors, lists]: [string[], unknown[]] = [[], []]
  file.errors.subscribe(({ code, message }) => errors.push(`${code} ${message.replace(path, 'FILE')}`))
  const subscription = file.subscribe((list) => lists.push(list))
  const look = async () => {
    await clock.whenArmed()
    clock.advance(250)
    await clock.whenArmed()
  }
  await look()
  t.strictSame(lists, [['tcp://a:1']])
  for (const [text, complaint] of [
    ['{}', 'must hold a list of endpoints'],
    ['[', 'is not JSON'],
  ]) {
    await writeFile(path, text as string)
    await look()
    await look()
    t.strictSame(errors.splice(0), [`RIVULET_DISCOVERY_FAILED fromFile: FILE ${complaint}; the last good list holds`])
  }
  await chmod(path, 0o666)
  await look()
  t.match(errors.splice(0), [/can be changed by others/])
  await rm(path)
  await look()
  t.match(errors.splice(0), [/cannot be read/])
  await writeFile(path, '[]', { mode: 0o600 })
  await look()
  t.strictSame(lists, [['tcp://a:1'], []])
  subscription.unsubscribe()
  t.throws(() => fromFile(''), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a client follows a file, and reports what is wrong with it', async (t) => {
  const path = join(t.testdir({}), 'servers.json')
  const at = place(t, 'tcp')
  const server = await openServer(at)
  const client = await createRpcClient(Lab, { connect: fromFile(path), runtime: at.runtime })
  const codes = codesOf(client)
  const waiting = client.promises.peek({ id: 1 })
  await until(() => codes.length > 0)
  await writeFile(path, JSON.stringify(['tcp://nowhere', { address: server.endpoint }]), { mode: 0o600 })
  t.strictSame(await waiting, { id: 1, text: '' })
  t.strictSame(codes, ['RIVULET_DISCOVERY_FAILED', 'RIVULET_INVALID_ENDPOINT'])
  t.match(await client.close(), { undelivered: 0 })
})
