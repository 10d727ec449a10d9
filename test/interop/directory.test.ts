/** A directory with a Python program as a client, which was written from docs/reference/protocol alone. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import type { AttendAnswer, AttendRequest } from '../../patterns/directory/wire.js'
import { root } from '../../tools/build.js'
import { until } from '../support/events.js'
import { peer, transports, withPython } from './python.js'

const protocol = readFileSync(join(root, 'docs/protocol/directory.avpr'), 'utf8')

/** A stock Avro library writes every field. */
const request = (fields: AttendRequest) => ({
  open: null,
  announced: [],
  withdrawn: [],
  complete: null,
  watched: [],
  unwatched: [],
  ...fields,
})

const view = (name: string) => ({ role: 'SERVICE', name }) as const
const announced = {
  instance: 'snake',
  revision: 1,
  role: 'SERVICE',
  name: 'python',
  epoch: 0,
  places: [{ address: 'tcp://127.0.0.1:7', serverKeys: [] }],
  metadata: { language: 'Python' },
} as const

for (const [transport, open] of Object.entries(transports)) {
  t.test(`Python announces, reads and withdraws, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using host = await createDirectoryHost({ bind })
    await using directory = await createDirectory({ connect: host.endpoint })
    const announcement = await directory.announce('jobs', host, {
      endpoints: ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2'],
      metadata: { zone: 'east' },
    })
    const lists: unknown[] = []
    directory.entries('python').subscribe((entries) => {
      lists.push(entries.map(({ endpoint, metadata, instance }) => ({ endpoint, metadata: { ...metadata }, instance })))
    })
    await until(() => lists.length === 1)
    const requests = [
      request({ open: { client: 'python' } }),
      request({ announced: [announced], complete: 1, watched: [view('jobs'), view('python')] }),
    ]
    const withdrawal = [request({ withdrawn: [{ instance: 'snake', revision: 2 }] })]
    const steps = [
      { step: 'attend', requests, until: { confirmed: 1, present: 2 } },
      { step: 'attend', stream: 1, requests: withdrawal, until: { confirmed: 1, gone: 1 } },
    ]
    const service = 'rivulet.directory.Directory'
    const said = await peer({ do: 'call', connect: host.endpoint, service, protocol, steps })
    const [, first, second] = said as { readonly answers: readonly AttendAnswer[] }[]
    const answers = first?.answers ?? []
    t.match(answers[0]?.opened, { settled: false, host: /^[0-9a-f]{32}$/ })
    const shown = answers.flatMap(({ changes = [] }) => changes).flatMap(({ present = [] }) => present)
    t.match(
      shown.sort((a, b) => (a.name < b.name ? -1 : 1)),
      [
        {
          name: 'jobs',
          instance: announcement.instance,
          places: [{ address: 'tcp://127.0.0.1:1' }, { address: 'tcp://127.0.0.1:2' }],
          metadata: { zone: 'east' },
        },
        announced,
      ],
    )
    t.match(
      second?.answers.flatMap(({ changes = [] }) => changes),
      [{ view: view('python'), complete: true, gone: ['snake'] }],
    )
    await until(() => lists.length === 3)
    t.strictSame(lists, [
      [],
      [{ endpoint: { address: 'tcp://127.0.0.1:7' }, metadata: { language: 'Python' }, instance: 'snake' }],
      [],
    ])
  })
}
