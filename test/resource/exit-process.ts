/** A process that opens each resource that it is named, with its peers, closes all of them, and has nothing else to do. */
import { createRuntime } from '../../src/runtime/index.js'
import { type EveryName, everyResource } from '../support/every-resource.js'

process.on('exit', () => console.log('ends'))
for (const name of process.argv.slice(2) as EveryName[]) {
  const runtime = createRuntime()
  const open = await everyResource[name](runtime)
  const resource = await open()
  await resource.close()
  await runtime.close()
  console.log(name, resource.status)
}
