/** Whether the process may end: children that hold resources in every state, and end by themselves or do not. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { complaint, type Ended, loader, moduleUrl, runModule } from '../child-process.js'

const url = (path: string) => JSON.stringify(moduleUrl(path))

const prelude = `
const { createPush, createPull } = await import(${url('patterns/queue/index.ts')})
const { createRuntime } = await import(${url('src/runtime/index.ts')})
const { defineSchema } = await import(${url('src/avro/index.ts')})
const schema = defineSchema({ type: 'record', name: 'Job', fields: [{ name: 'id', type: 'int' }] })
const bind = process.env.BIND ?? 'tcp://127.0.0.1:*'
process.on('exit', () => console.log('exit'))
`

function child(text: string, ...nodeArgs: string[]): Promise<Ended> {
  return runModule(prelude + text, process.cwd(), ...loader, ...nodeArgs)
}

const closed: [string, string][] = [
  [
    'a closed pair, whose process installs nothing',
    `const push = await createPush({ schema, bind })
     const pull = await createPull({ schema, connect: push.endpoint })
     pull.messages.subscribe()
     await push.whenConnected()
     await push.send({ id: 1 })
     await push.close()
     await pull.close()`,
  ],
  [
    'the two sides of a name within the process, closed from either end',
    `for (const first of [0, 1]) {
       const runtime = createRuntime()
       const pair = [await createPush({ schema, bind: 'inproc://a', runtime }), await createPull({ schema, connect: 'inproc://a', runtime })]
       await pair[first].close()
       await runtime.close()
     }`,
  ],
  [
    'a close that gives up on what cannot leave',
    `const push = await createPush({ schema, bind })
     push.errors.subscribe()
     for (let id = 0; id < 1000; id++) push.next({ id })
     await push.close({ timeoutMs: 50 })`,
  ],
  [
    'a factory that fails',
    `await createPush({ schema, bind: ['tcp://127.0.0.1:*', 'tcp://192.0.2.1:*'], insecure: true }).catch(() => {})`,
  ],
]

const unreferenced: [string, string][] = [
  [
    'an unreferenced pair that is open and idle',
    `const push = (await createPush({ schema, bind })).unref()
     const pull = (await createPull({ schema, connect: push.endpoint })).unref()
     pull.messages.subscribe()`,
  ],
  [
    'an unreferenced producer whose outbox waits for a worker',
    `const push = (await createPush({ schema, bind })).unref()
     push.next({ id: 1 })`,
  ],
  [
    'the unreferenced sides of names within the process, whose peers have closed',
    `for (const first of [0, 1]) {
       const bind = 'inproc://left-' + first
       const pair = [await createPush({ schema, bind }), await createPull({ schema, connect: bind })]
       pair[1 - first].unref()
       await pair[first].close()
     }`,
  ],
  [
    'a resource that was unreferenced after it had waited',
    `const pull = await createPull({ schema, connect: 'tcp://127.0.0.1:9' })
     pull.messages.subscribe()
     await new Promise(setImmediate)
     pull.unref()`,
  ],
]

/** Children are slow to start, so that one takes several cases: it ends only if none of them holds it. */
async function ends(t: Test, cases: readonly (readonly [string, string])[]): Promise<void> {
  const ended = await child(cases.map(([name, text]) => `console.log(${JSON.stringify(name)})\n{ ${text} }`).join('\n'))
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, [...cases.map(([name]) => name), 'exit', ''].join('\n'))
  t.equal(ended.stderr, '')
}

t.test('what was closed leaves the process free to end', (t) => ends(t, closed))
t.test('what is unreferenced leaves the process free to end', (t) => ends(t, unreferenced))

t.test('an open resource keeps the process alive, also one that was referenced again', async (t) => {
  // the child waits for its own timer, which keeps nothing alive: without the resource it would end before
  const text = `
    const push = await createPush({ schema, bind })
    push.unref()
    push.ref()
    setTimeout(async () => {
      console.log('alive')
      await push.close()
    }, 1500).unref()`
  const ended = await child(text)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'alive\nexit\n')
})

t.test('unreferenced resources still move messages while something else keeps the process alive', async (t) => {
  const text = `
    const push = (await createPush({ schema, bind })).unref()
    const pull = (await createPull({ schema, connect: push.endpoint })).unref()
    const done = new Promise((resolve) => pull.messages.subscribe(({ id }) => id === 99 && resolve()))
    const alive = setInterval(() => {}, 1000)
    for (let id = 0; id < 100; id++) push.next({ id })
    await done
    clearInterval(alive)
    console.log('all')`
  const ended = await child(text)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'all\nexit\n')
})

t.test('a resource that nobody refers to is not collected', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const text = `
    let received = 0
    async function open(bind) {
      const pull = await createPull({ schema, bind })
      pull.messages.subscribe(() => received++)
      return pull.endpoint
    }
    const endpoints = [await open(bind), await open('ipc://${folder}/s')]
    for (let round = 0; round < 5; round++) {
      gc()
      await new Promise(setImmediate)
    }
    for (const connect of endpoints) {
      const push = await createPush({ schema, connect })
      await push.send({ id: 1 })
      await push.close()
    }
    const check = setInterval(() => {
      if (received < 2) return
      clearInterval(check)
      console.log('received', received)
      process.exit(0)
    }, 5)`
  const ended = await child(text, '--expose-gc')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'received 2\nexit\n')
})
