/** Commits that fail, over a library that fails as it is told: what is refused, what is tried again, what ends the store. */
import t from 'tap'
import type { RivuletError } from '../../src/errors/index.js'
import { GroupCommit, type PendingBatch } from '../../src/store/group-commit.js'
import type { Database } from '../../src/store/lmdb.js'

/** How a transaction ends: well, with a code and nothing written, or with a code after it was visible. */
type Outcome = 'well' | { readonly code: number; readonly visible?: boolean }

function setUp(outcomes: Outcome[]) {
  const said: string[] = []
  const transactions: string[][] = []
  let lastTxnId = 1
  let current: string[] = []
  const database = {
    getStats: () => ({ lastTxnId, lastPageNumber: 1, pageSize: 4096, mapSize: 2 ** 30 }),
    resetReadTxn: () => {},
    put: (key: string) => current.push(`+${key}`),
    remove: (key: string) => current.push(`-${key}`),
    batch: (changes: () => void) => {
      current = []
      changes()
      transactions.push(current)
      const outcome = outcomes.shift() ?? 'well'
      if (outcome === 'well' || outcome.visible) lastTxnId++
      if (outcome === 'well') return Object.assign(Promise.resolve(true), { flushed: Promise.resolve() })
      const reason = Object.assign(new Error('no'), { code: outcome.code })
      return Promise.reject(Object.assign(new Error('failed'), { commitError: Promise.reject(reason) }))
    },
  } as unknown as Database
  const error = (name: string) => (cause: unknown) => ({ name, cause }) as unknown as RivuletError
  let released = 0
  const commits = new GroupCommit(database, {
    flushed: true,
    release: () => released++,
    full: error('full'),
    failed: error('failed'),
  })
  const write = (name: string, bytes: number) => {
    const change = { key: name as unknown as Buffer, record: bytes > 0 ? Buffer.alloc(1) : undefined }
    commits.push({
      changes: [change],
      slab: undefined as unknown as PendingBatch['slab'],
      bytes,
      resolve: () => said.push(`${name} done`),
      reject: ({ name: kind }) => said.push(`${name} ${kind}`),
    })
  }
  return { commits, write, said, transactions, released: () => released }
}

t.test('a full store refuses what puts, and tries removals again', async (t) => {
  for (const code of [-30_792, 28, 5]) {
    const { commits, write, said, transactions, released } = setUp([{ code }])
    write('a', 100)
    write('b', 0)
    write('c', 100)
    write('d', 0)
    await commits.settled()
    t.strictSame(transactions, [
      ['+a', '-b', '+c', '-d'],
      ['-b', '-d'],
    ])
    t.strictSame(said, ['a full', 'c full', 'b done', 'd done'])
    t.equal(released(), 4)
  }
})

t.test('removals that fail twice are refused, and what comes later is written', async (t) => {
  const { commits, write, said } = setUp([{ code: 28 }, { code: 28 }])
  write('a', 100)
  write('b', 0)
  await commits.settled()
  write('c', 100)
  await commits.settled()
  t.strictSame(said, ['a full', 'b full', 'c done'])
})

t.test('a failure after the transaction was visible, or of another kind, ends everything', async (t) => {
  for (const outcome of [
    { code: 28, visible: true },
    { code: 5, visible: true },
    { code: -30_796 },
    { code: -30_782 },
  ]) {
    const { commits, write, said, transactions, released } = setUp([outcome])
    write('a', 100)
    write('b', 0)
    await new Promise((resolve) => setImmediate(resolve))
    write('c', 100)
    await commits.settled()
    t.strictSame(said.slice(0, 2), ['a failed', 'b failed'])
    t.equal(transactions.flat().includes('+c'), false, 'nothing is written after it')
    t.equal(released(), 3)
  }
})

t.test('what comes while a transaction is under way is the next one, cut where it gets too large', async (t) => {
  const { commits, write, said, transactions } = setUp([])
  write('a', 1)
  await new Promise((resolve) => setImmediate(resolve))
  for (const name of ['b', 'c', 'd', 'e']) write(name, 8_000_000)
  await commits.settled()
  t.strictSame(transactions, [['+a'], ['+b', '+c'], ['+d', '+e']])
  t.strictSame(said, ['a done', 'b done', 'c done', 'd done', 'e done'])
})
