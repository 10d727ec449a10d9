/**
 * A receiver in a process of its own, which is killed: `receiver-process.ts ENDPOINT slow|quick`.
 *
 * It says `at ENDPOINT` and each message that it is handed. A slow one takes one message and no more, and its mailbox holds one.
 */
import { createPeer } from '../../patterns/messaging/index.js'
import { Report } from './peers.js'

const [, , bind = '', pace] = process.argv
const say = (text: string) => process.send?.(text)
process.on('disconnect', () => process.exit())

const isSlow = pace === 'slow'
const receiver = await createPeer({ name: 'receiver', bind, ...(isSlow && { mailboxMessages: 1 }) })
if (isSlow) {
  const messages = receiver.messages(Report)[Symbol.asyncIterator]()
  void messages.next().then(({ value }) => say(`got ${value?.id}`))
} else {
  receiver.messages(Report).subscribe(({ id }) => say(`got ${id}`))
}
say(`at ${receiver.endpoint}`)
