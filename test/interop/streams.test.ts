/** A program with Python's standard library at the other end of a typed stream, as client and as server. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import { connectStream, createStreamListener, type StreamConnection } from '../../patterns/socket/index.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { root } from '../../tools/build.js'
import { codesOf, until } from '../support/events.js'
import { python, withPackages } from '../support/system-packages.js'
import { type Place, place } from '../support/transports.js'

const Note = defineSchema(record('Note', { number: 'long', text: 'string' }))
const withPython = withPackages(['python3'])

interface Said {
  readonly number?: number
  readonly text?: string
  readonly end?: string
  readonly code?: string
  readonly issues?: readonly { readonly path: string }[]
  readonly listens?: readonly [string, number] | string
  readonly schema?: unknown
}

/** Runs the program; `said` yields its lines. */
function run(...args: readonly string[]): { said: AsyncIterator<Said>; ended: Promise<number | null> } {
  const child = spawn(python, ['-B', 'test/interop/rivulet_stream.py', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const lines = createInterface(child.stdout)
  async function* say(): AsyncGenerator<Said> {
    for await (const line of lines) yield JSON.parse(line)
  }
  return { said: say(), ended }
}

async function rest(said: AsyncIterator<Said>): Promise<Said[]> {
  const all: Said[] = []
  for (let step = await said.next(); !step.done; step = await said.next()) all.push(step.value)
  return all
}

/** Where the program connects to, or listens at. */
const placeOf = (endpoint: string): string[] =>
  endpoint.startsWith('ipc') ? [endpoint.slice('ipc://'.length)] : endpoint.slice('tcp://'.length).split(':')

const sent = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ number: first + index, text: 'Grüße'.repeat((first + index) % 3) }))

/** Answers every note, and ends where the peer ends. */
function answer(connection: StreamConnection<Note, Note>): void {
  connection.messages.subscribe({
    next: ({ number, text }) => connection.next({ number: -number, text }),
    complete: () => connection.complete(),
  })
}

interface Note {
  readonly number: number
  readonly text: string
}

async function listen({ runtime, bind }: Place) {
  const listener = await createStreamListener({ schema: Note, bind, runtime })
  return { listener, accepted: firstValueFrom(listener.connections) }
}

for (const transport of ['tcp', 'ipc'] as const) {
  t.test(`it connects (${transport})`, withPython, async (t) => {
    const { listener, accepted } = await listen(place(t, transport))
    const { said, ended } = run('connect', ...placeOf(listener.endpoint), '1', '500')
    const connection = await accepted
    answer(connection)
    const [schema, ...lines] = await rest(said)
    t.same(schema, { schema: Note.json })
    t.same(lines.pop(), { end: 'complete' })
    t.same(
      lines,
      sent(1, 500).map(({ number, text }) => ({ number: -number, text })),
    )
    t.equal(await ended, 0)
    t.equal(await connection.whenEnded, undefined)
  })
}

t.test('it listens', withPython, async (t) => {
  const { runtime } = place(t, 'tcp')
  const { said, ended } = run('listen', '127.0.0.1', '0', '7', '20')
  const { listens } = (await said.next()).value as Said
  const connection = await connectStream({ schema: Note, connect: `tcp://127.0.0.1:${listens?.[1]}`, runtime })
  answer(connection)
  const [schema, ...lines] = await rest(said)
  t.same(schema, { schema: Note.json })
  t.same(lines.pop(), { end: 'complete' })
  t.equal(lines.length, 20)
  t.same(lines[19], { number: -26, text: 'Grüße'.repeat(2) })
  t.equal(await ended, 0)
  t.equal(await connection.whenEnded, undefined)
})

t.test('what it does wrong has a code on both sides', withPython, async (t) => {
  const rows = [
    ['check', 'RIVULET_CORRUPT_FRAME'],
    ['length', 'RIVULET_FRAME_TOO_LARGE'],
    ['cut', 'RIVULET_CONNECTION_LOST'],
  ] as const
  for (const [spoil, code] of rows) {
    const { listener, accepted } = await listen(place(t, 'tcp'))
    const { said } = run('connect', ...placeOf(listener.endpoint), '1', '10', spoil)
    const connection = await accepted
    connection.messages.subscribe({ complete: () => connection.complete() })
    const end = (await rest(said)).at(-1)
    t.match(end, spoil === 'cut' ? { end: 'complete' } : { end: 'refused', code })
    t.match(await connection.whenEnded, { code })
    t.equal(connection.stats().incoming.received, 10, 'what came before is delivered')
  }
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ schema: Note, bind, runtime })
  const codes = codesOf(listener)
  listener.connections.subscribe()
  const { said } = run('connect', ...placeOf(listener.endpoint), '1', '0', 'schema')
  t.match((await rest(said)).at(-1), {
    end: 'refused',
    code: 'RIVULET_INCOMPATIBLE_SCHEMA',
    issues: [{ path: 'number' }, { path: 'text' }],
  })
  await until(() => codes.includes('RIVULET_INCOMPATIBLE_SCHEMA'))
})
