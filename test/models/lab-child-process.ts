/**
 * The program of a `LabChild`: a host of durable queues or an RPC server that says where it is bound, until it is killed.
 *
 * Argument: what it is, as JSON.
 */
import { createQueueHost } from '../../patterns/queue/index.js'
import { createRpcServer, implement } from '../../patterns/rpc/index.js'
import { Lab as Service } from '../rpc/lab.js'
import type { ChildReport, ChildRole } from './lab-child.js'
import { handlersOf } from './rpc-handlers.js'

const { bind, ...role } = JSON.parse(process.argv[2] as string) as ChildRole & { readonly bind: string }
const tell = (report: ChildReport) => process.send?.(report)
process.on('disconnect', () => process.exit())

async function open() {
  if (role.role === 'host') return createQueueHost({ bind, ...role.options })
  const handlers = handlersOf({ runs: (call) => tell({ runs: call }), waits: () => {} })
  return createRpcServer({ bind, services: [implement(Service, handlers)], ...role.options })
}

try {
  const resource = await open()
  // what its peers do to it is for them to check
  resource.errors.subscribe(() => {})
  tell({ endpoint: resource.endpoint })
} catch {
  process.exit(1)
}
