/** A dealer in a process of its own, which says hello and waits to be killed. */
import { systemClock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Links } from '../../src/resource/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { DealerSocket, onlyPeer } from '../../src/socket/index.js'

const fail = (error: RivuletError) => {
  throw error
}

const config = {
  name: 'dealer',
  runtime: createRuntime(),
  links: new Links({ resource: () => 'dealer', clock: systemClock, onRefused: fail }),
  insecure: false,
  onError: fail,
  maxFrameBytes: 1000,
  connect: { address: process.argv[2] as string, serverKeys: [] },
}

const dealer: DealerSocket = await DealerSocket.open(config, {
  onFrame: () => {},
  onBad: (_peer, error) => fail(error),
  onGone: () => {},
  onUp: () => dealer.send(onlyPeer, Buffer.from('child')),
})
dealer.start()
