/**
 * The program of a `ChildHost`: a host of durable queues that says where it is bound, and ends when it is killed.
 *
 * Arguments: where to bind, the folder, and options as JSON.
 */
import { createQueueHost, type QueueHostOptions } from '../../patterns/queue/index.js'

const [bind, path, options] = process.argv.slice(2) as [string, string, string]
const host = await createQueueHost({ bind, path, ...(JSON.parse(options) as Partial<QueueHostOptions>) })
host.errors.subscribe((error) => console.error(error))
process.send?.({ endpoint: host.endpoint })
