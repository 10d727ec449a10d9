/** What the messages of a connection go over, as its resource sees it: one socket that is open already. */
import { reaches, type StreamSocket } from '../../../src/net/index.js'
import type { Transport } from '../../../src/resource/index.js'

/** Makes the transport of a connection. */
export function connectionTransport(
  socket: StreamSocket,
  { open, close }: { readonly open: () => void; readonly close: Transport['close'] },
): Transport {
  return {
    address: socket.remote || socket.local,
    endpoints: [],
    open: async () => open(),
    close,
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    isConnectedTo: (endpoints) => endpoints.some((endpoint) => reaches(socket.remote, endpoint)),
  }
}
