/** What hosts do with clients that break the protocol, and clients with such hosts: an error with a code, and nothing else is harmed. */
import { concat, from, lastValueFrom, NEVER, type Observable, of } from 'rxjs'
import t from 'tap'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { type AttendAnswer, type AttendRequest, DirectoryService } from '../../patterns/directory/wire.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { isDeclaredError } from '../../src/avro/index.js'
import { codesOf, first, until } from '../support/events.js'
import { place } from '../support/transports.js'

const open: AttendRequest = { open: { client: 'raw' } }
const announced = {
  instance: 'one',
  revision: 1,
  role: 'SERVICE',
  name: 'jobs',
  epoch: 0,
  places: [{ address: 'tcp://127.0.0.1:1' }],
  metadata: {},
} as const
const view = { role: 'SERVICE', name: 'jobs' } as const
/** What becomes of a stream is not looked at. */
const quiet = { error: () => {} }
const many = <T>(count: number, one: T) => Array.from({ length: count }, () => one)

/** A host, an honest client of it, and one that says what it likes. */
async function openAll(t: Parameters<typeof place>[0]) {
  const { runtime, bind } = place(t, 'tcp')
  const host = await createDirectoryHost({ bind, runtime, leaseMs: 100, graceMs: 0 })
  const honest = await createDirectory({ connect: host.endpoint, runtime })
  await honest.announce('jobs', host)
  const raw = await createRpcClient(DirectoryService, { connect: host.endpoint, runtime })
  return { host, honest, raw }
}

const invalid: Readonly<Record<string, readonly AttendRequest[]>> = {
  'no open': [{ watched: [view] }],
  'two opens': [open, open],
  'a client without an id': [{ open: { client: '' } }],
  'a client with a long id': [{ open: { client: 'a'.repeat(65) } }],
  'an instance with a space': [open, { announced: [{ ...announced, instance: 'a b' }] }],
  'a revision of 0': [open, { announced: [{ ...announced, revision: 0 }] }],
  'an epoch below 0': [open, { announced: [{ ...announced, epoch: -1 }] }],
  'no name': [open, { announced: [{ ...announced, name: '' }] }],
  'a control character': [open, { announced: [{ ...announced, name: 'a\u0000' }] }],
  'no endpoint': [open, { announced: [{ ...announced, places: [] }] }],
  'an endpoint to bind': [open, { announced: [{ ...announced, places: [{ address: 'tcp://*:*' }] }] }],
  'many endpoints': [open, { announced: [{ ...announced, places: many(17, { address: 'tcp://a:1' }) }] }],
  'a key that is none': [
    open,
    { announced: [{ ...announced, places: [{ address: 'tcp://a:1', serverKeys: ['k'] }] }] },
  ],
  'much metadata': [open, { announced: [{ ...announced, metadata: { a: 'b'.repeat(5000) } }] }],
  'many announcements': [open, { announced: many(1025, announced) }],
  'a withdrawal of nothing': [open, { withdrawn: [{ instance: '', revision: 1 }] }],
  'a view without a name': [open, { watched: [{ role: 'SERVICE', name: '' }] }],
  'a view of one peer': [open, { watched: [{ role: 'PEER', name: 'a' }] }],
  'many views': [open, { watched: Array.from({ length: 1025 }, (_, at) => ({ role: 'SERVICE', name: `${at}` })) }],
}

for (const [name, requests] of Object.entries(invalid)) {
  t.test(`invalid: ${name}`, async (t) => {
    const { host, honest, raw } = await openAll(t)
    const codes = codesOf(host)
    const answers = lastValueFrom(raw.attend(concat(from(requests), NEVER)), { defaultValue: undefined })
    const error = await answers.then(
      () => undefined,
      (cause: unknown) => cause,
    )
    t.ok(isDeclaredError(DirectoryService, 'attend', error))
    t.match(error, { value: { code: 'RIVULET_INVALID_REQUEST' } })
    t.strictSame(codes, ['RIVULET_INVALID_REQUEST'])
    await until(() => host.stats().clients === 1)
    t.equal((await first(honest.entries('jobs'))).length, 1)
    await until(() => host.stats().watches === 0) // what it watched is not watched, nor is what was read here
  })
}

t.test('a second stream of a link takes the place of the first', async (t) => {
  const { host, raw } = await openAll(t)
  const answers: AttendAnswer[] = []
  let isCompleted = false
  const complete = () => {
    isCompleted = true
  }
  raw.attend(concat(of(open), NEVER)).subscribe({ ...quiet, next: (answer) => answers.push(answer), complete })
  await until(() => answers.length === 1)
  raw.attend(concat(of(open), NEVER)).subscribe({ ...quiet, next: (answer) => answers.push(answer) })
  await until(() => answers.length === 2 && isCompleted)
  t.equal(host.stats().clients, 2)
  t.equal(answers[0]?.opened?.host, answers[1]?.opened?.host)
})

t.test('what a stream names under complete replaces what its client has announced before', async (t) => {
  const { host, raw } = await openAll(t)
  const attend = (...requests: AttendRequest[]) => first(raw.attend(concat(of(open), from(requests), NEVER)))
  const two = { ...announced, instance: 'two', revision: 2 }
  raw.attend(concat(of(open), of({ announced: [announced, two], complete: 2 }), NEVER)).subscribe(quiet)
  await until(() => host.stats().announcements === 3)
  raw.attend(concat(of(open), of({ announced: [two], complete: 1 }), NEVER)).subscribe(quiet)
  await until(() => host.stats().announcements === 2)
  await attend({ withdrawn: [{ instance: 'two', revision: 1 }] })
  t.equal(host.stats().announcements, 2, 'a withdrawal of an earlier revision is none')
  await until(() => host.stats().announcements === 1)
  t.equal(host.stats().expired, 1, 'and a client that leaves without a word has its lease')
})

t.test('a host that shows what is invalid, or says it in the wrong order, harms no client', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const requests: AttendRequest[] = []
  const change = { view, since: 0, version: 1, complete: true, present: [announced], gone: [] }
  const answers: AttendAnswer[] = [
    { opened: { host: 'h', settled: true } },
    { changes: [{ ...change, present: [{ ...announced, places: [] }, announced] }] },
    { changes: [{ ...change, since: 7, version: 8, present: [{ ...announced, instance: 'late' }] }] },
    { changes: [{ ...change, since: 8, version: 9, present: [{ ...announced, instance: 'later' }] }] },
    { changes: [{ ...change, view: { role: 'SERVICE', name: 'unasked' } }] },
    {
      confirmed: [{ instance: 'unknown', revision: 3 }],
      refused: [{ instance: 'x', revision: 1, code: '?', message: '' }],
    },
  ]
  const handler = (incoming: Observable<AttendRequest>) => {
    incoming.subscribe({ ...quiet, next: (request) => requests.push(request) })
    return concat(from(answers), NEVER)
  }
  const host = await createRpcServer({ bind, runtime, services: [implement(DirectoryService, { attend: handler })] })
  const directory = await createDirectory({ connect: host.endpoint, runtime })
  const codes = codesOf(directory)
  const lists: string[][] = []
  directory.entries('jobs').subscribe((entries) => lists.push(entries.map(({ instance }) => instance)))
  await until(() => requests.filter(({ watched = [] }) => watched.length > 0).length === 2)
  t.strictSame(lists, [['one']], 'what is not valid, or has no base, is not shown')
  t.strictSame(codes, ['RIVULET_INVALID_REQUEST'])
  t.strictSame(requests.at(-1)?.watched, [view], 'the view is asked for again, once')
})

t.test('a server without a directory is reported', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const { Doubling } = await import('../security/roles.js')
  const services = [implement(Doubling, { double: () => 0 })]
  const server = await createRpcServer({ bind, runtime, services })
  const directory = await createDirectory({ connect: server.endpoint, runtime })
  t.match(await first(directory.errors), { code: 'RIVULET_UNIMPLEMENTED' })
})

t.test('a client that watches more names than it may is refused here, and what it watches stays', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const host = await createDirectoryHost({ bind, runtime })
  const directory = await createDirectory({ connect: host.endpoint, runtime })
  for (let at = 0; at < 1024; at++) directory.entries(`${at}`).subscribe()
  await t.rejects(first(directory.entries('one more')), { code: 'RIVULET_DIRECTORY_FULL' })
  t.strictSame(await first(directory.entries('7')), [], 'a name that is watched has any number of readers')
  await until(() => host.stats().watches === 1024)
})
