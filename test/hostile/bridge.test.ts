/** The bridge of attacks to a victim with security: what they have sent passes before it is taken away, however late. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { Pull } from 'zeromq'
import { loader, moduleUrl } from '../child-process.js'
import { Bridge } from './bridge.js'
import { siegeKeys } from './siege.js'

t.test('a bridge passes what came while the event loop was busy', async (t) => {
  const { victim, attacker } = siegeKeys()
  const pull = new Pull({ curveServer: true, curveSecretKey: victim.secretKey, linger: 0, receiveTimeout: 10_000 })
  t.teardown(() => pull.close())
  await pull.bind('tcp://127.0.0.1:*')
  const endpoint = pull.lastEndpoint as string
  const sides = { keyPair: attacker, serverKey: victim.publicKey, part: 0, parts: 1 }
  const bridge = await Bridge.open({ pattern: 'pull', endpoint, recorded: endpoint, ...sides })
  // a peer that sends and leaves; this thread hears nothing of it meanwhile
  const peer = `
    const { OwnScope } = await import(${JSON.stringify(moduleUrl('test/support/scope.ts'))})
    const { rawPeer, zmtpMessage } = await import(${JSON.stringify(moduleUrl('test/support/raw-zmtp.ts'))})
    const socket = await rawPeer(new OwnScope(), ${JSON.stringify(bridge.endpoint)}, 'PUSH')
    socket.end(zmtpMessage(Buffer.from('forged')))`
  const program = [process.execPath, ...loader, '--input-type=module', '--eval', peer]
  execFileSync('env', ['-u', 'NODE_OPTIONS', ...program], { stdio: 'inherit' })
  await bridge.close()
  t.equal(String((await pull.receive())[0]), 'forged')
})
