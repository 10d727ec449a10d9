/**
 * A server in a process that has few file descriptors. It says its endpoint, and for each line that it reads the codes that it
 * has reported, and how many connections it has and has refused.
 */
import { createInterface } from 'node:readline'
import { createRuntime } from '../../src/runtime/index.js'
import { openServer } from '../rpc/lab.js'

const server = await openServer({ bind: process.argv[2] as string, runtime: createRuntime() })
const reports: string[] = []
server.errors.subscribe(({ code, message }) => reports.push(`${code} ${message}`))
console.log(server.endpoint)
for await (const _ of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ reports, connected: server.connected, refused: server.refusedConnections }))
}
