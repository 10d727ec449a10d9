/** Ends TCP connections with a reset. */
import type { Socket } from 'node:net'

/**
 * Ends a connection with a reset, so that the other side loses what it has not read.
 *
 * A connection whose end is on its way can only be closed: Node 20 forgets a handle that is reset then, without a `close`
 * event, and its process never exits (libuv refuses `uv_tcp_close_reset` beside a shutdown).
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
