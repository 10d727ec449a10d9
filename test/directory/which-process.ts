/**
 * The program of the soak `directory-rolling`: an RPC server that announces itself as `which`, until it is killed or drained.
 *
 * Arguments: its name and the endpoints of the hosts of the directory, as JSON.
 */
import { setTimeout } from 'node:timers/promises'
import { createDirectory } from '../../patterns/directory/index.js'
import { createRpcServer, implement } from '../../patterns/rpc/index.js'
import { Which } from './which.js'

/** How long a call takes, so that the share of a server does not depend on its share of the processors, in milliseconds. */
const workMs = 20

const { name, connect } = JSON.parse(process.argv[2] ?? '') as { name: string; connect: string[] }
process.on('disconnect', () => process.exit())
const server = await createRpcServer({
  bind: 'tcp://127.0.0.1:*',
  services: [implement(Which, { server: () => setTimeout(workMs, name) })],
})
const directory = await createDirectory({ connect })
for (const { errors } of [server, directory]) errors.subscribe()
const announcement = await directory.announce('which', server)
process.on('message', async () => {
  await announcement.close()
  await server.close()
  await directory.close()
  process.exit()
})
process.send?.({ announced: name })
