/**
 * A server whose event loop is blocked from the moment at which it has said its endpoint, until it is sent a line. Then it says
 * how many file descriptors it had until then, and ends when its standard input does.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { createRuntime } from '../../src/runtime/index.js'
import { descriptorsInUse } from '../../src/socket/descriptors.js'
import { openServer } from '../rpc/lab.js'

const server = await openServer({ bind: process.argv[2] as string, runtime: createRuntime() })
server.errors.subscribe()
writeSync(1, `${server.endpoint}\n`)
execFileSync('/bin/sh', ['-c', 'read line'], { stdio: 'inherit' })
writeSync(1, `${descriptorsInUse()}\n`)
await once(process.stdin.resume(), 'end')
process.exit()
