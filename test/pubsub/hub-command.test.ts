/** The command `rivulet hub`, as a child process: it forwards, tells where it is, and ends in order. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { generateKeyPair, saveKeyPair } from '../../src/security/public.js'
import { root } from '../../tools/build.js'
import { loader, modulePath, run } from '../child-process.js'
import { Job } from '../support/job.js'
import { Seen } from './seen.js'

const command = [...loader, modulePath('src/command.ts'), 'hub']
const bind = 'tcp://127.0.0.1:*'

/** A hub in a process of its own, when it has said where it is. */
async function hubProcess(t: Test, ...args: string[]) {
  const child: ChildProcessByStdio<null, Readable, null> = spawn(
    'env',
    ['-u', 'NODE_OPTIONS', process.execPath, ...command, ...args],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    line: async () => (await lines.next()).value as string,
    end: async (signal: NodeJS.Signals) => {
      const exit = once(child, 'exit')
      child.kill(signal)
      return exit
    },
  }
}

async function runtimeOf(t: Test) {
  const runtime = createRuntime()
  t.teardown(() => runtime.close({ drain: false }))
  return runtime
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`forwards until ${signal}`, async (t) => {
    const runtime = await runtimeOf(t)
    const hub = await hubProcess(t, '--publishers', bind, '--subscribers', bind, '--subscribers', bind, '--json')
    const { publishers, subscribers } = JSON.parse(await hub.line()) as Record<string, string[]>
    t.equal(publishers?.length, 1)
    t.equal(subscribers?.length, 2)
    const publisher = await createPublisher({ connect: publishers as string[], runtime })
    const subscriber = await createSubscriber({ connect: subscribers?.[1] as string, runtime })
    const seen = new Seen(subscriber.topic('a', Job))
    await subscriber.ready
    publisher.topic('a', Job).next({ id: 1 })
    await seen.count(1)
    t.strictSame(await hub.end(signal), [0, null])
  })
}

t.test('text without --json; a chain, with keys', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const runtime = await runtimeOf(t)
  const keyPair = generateKeyPair()
  const [keys, allow] = [join(folder, 'hub.key'), join(folder, 'allow.json')]
  await saveKeyPair(keys, keyPair)
  writeFileSync(allow, JSON.stringify({ all: keyPair.publicKey }))
  const secured = ['--key-pair', keys, '--allow', allow]
  const upper = await hubProcess(t, '--publishers', bind, '--subscribers', bind, ...secured)
  const [above = '', below = ''] = [await upper.line(), await upper.line()]
  t.match(above, /^publishers tcp:\/\/127\.0\.0\.1:\d+$/)
  t.match(below, /^subscribers tcp:\/\/127\.0\.0\.1:\d+$/)
  const connect = ['--connect-publishers', below.split(' ')[1] as string, '--server-key', keyPair.publicKey]
  const lower = await hubProcess(t, ...connect, '--subscribers', bind, ...secured)
  const [, desk = ''] = (await lower.line()).split(' ')
  const security = { keyPair, serverKey: keyPair.publicKey }
  const publisher = await createPublisher({ connect: above.split(' ')[1] as string, security, runtime })
  const subscriber = await createSubscriber({ connect: desk, security, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  publisher.topic('a', Job).next({ id: 1 })
  await seen.count(1)
  t.strictSame(await lower.end('SIGTERM'), [0, null])
  t.strictSame(await upper.end('SIGTERM'), [0, null])
})

t.test('arguments', async (t) => {
  const rivulet = (...args: string[]) => run(process.execPath, [...command, ...args], { cwd: root, timeoutMs: 30_000 })
  const help = await rivulet('--help')
  t.equal(help.code, 0)
  t.match(help.stdout, /^Usage: rivulet hub/)
  const cases: [string[], number, RegExp][] = [
    [['--publishers', bind], 2, /createHub: subscribers: bind or connect must be given/],
    [['--publisher', bind], 2, /Unknown option '--publisher'/],
    [['--publishers', bind, '--subscribers', bind, '--allow', 'x'], 2, /--allow and --server-key need --key-pair/],
    [['--publishers', bind, '--subscribers', bind, '--history-bytes', 'many'], 2, /history: maxBytes must be/],
    [['--publishers', bind, '--subscribers', bind, '--history-path', '/dev/null'], 1, /\/dev\/null/],
    [['--publishers', 'http://x', '--subscribers', bind], 1, /http:\/\/x/],
    [['--publishers', 'tcp://0.0.0.0:*', '--subscribers', bind], 1, /insecure/],
  ]
  for (const [args, code, message] of cases) {
    const ended = await rivulet(...args)
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.stderr, message)
    t.equal(/Usage: rivulet hub/.test(ended.stderr), code === 2)
  }
})
