/**
 * A directory for the chat: members find each other through it. Run it with `npx tsx examples/chat/directory.ts [ENDPOINT]`.
 *
 * It carries no messages: members that have found each other talk directly, also when it ends.
 */
import { once } from 'node:events'
import { createDirectoryHost } from 'rivulet/directory'

const host = await createDirectoryHost({ bind: process.argv[2] ?? 'tcp://127.0.0.1:7411' })
console.log(`the directory is at ${host.endpoint}`)
host.errors.subscribe(({ message }) => console.log(message))
await once(process, 'SIGINT')
await host.close()
