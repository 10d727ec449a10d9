/** What floods a socket that binds, frame by frame, and a way to write until nobody reads. */
import type { Socket } from 'node:net'
import { zmtpCommand, zmtpFrame } from './raw-zmtp.js'

/** A message that subscribes to nothing, alone or with a PING behind it. */
export const floods = {
  messages: zmtpFrame(Buffer.from([9])),
  'messages and PINGs': Buffer.concat([zmtpFrame(Buffer.from([9])), zmtpCommand('PING', Buffer.alloc(2))]),
  'messages and short PINGs': Buffer.concat([zmtpFrame(Buffer.alloc(0)), zmtpCommand('PING', Buffer.alloc(0))]),
}

/** How long a connection takes nothing before it is taken for full, in milliseconds. */
const fullMs = 200

/** Writes the same bytes until so many were written, or nobody reads them, or the connection is closed; returns how often. */
export async function flood(socket: Socket, bytes: Buffer, mostTimes: number): Promise<number> {
  let times = 0
  while (times < mostTimes && socket.writable) {
    times += 1
    if (!socket.write(bytes) && !(await drained(socket))) break
  }
  return times
}

/** Whether a connection took what was written. */
function drained(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isDrained: boolean) => () => {
      clearTimeout(timer)
      socket.off('drain', onDrain).off('close', onClose)
      resolve(isDrained)
    }
    const [onDrain, onClose] = [end(true), end(false)]
    const timer = setTimeout(end(false), fullMs)
    socket.once('drain', onDrain).once('close', onClose)
  })
}
