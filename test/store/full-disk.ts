/** The process of the test of a full disk: its files may not grow beyond a limit. Says what happened as JSON. */
import { openLmdbStore } from '../../src/store/index.js'
import { bytes } from './stores.js'

let failed = 0
const store = await openLmdbStore({ path: process.argv[2] ?? '', onFailed: () => failed++ })
const value = Buffer.alloc(3000, 1)
let code = ''
let count = 0
while (code === '') {
  const results = await Promise.allSettled(
    Array.from({ length: 16 }, (_, at) => store.write([{ key: bytes(count >> 8, count & 0xff, at), value }])),
  )
  const refused = results.find((result) => result.status === 'rejected')
  if (refused) code = refused.reason.code
  else count++
}
const keys = [...store.range()].map(({ key }) => key)
const kept = keys.length === count * 16
await Promise.all(keys.slice(16).map((key) => store.write([{ key, value: undefined }])))
const removed = [...store.range()].length === 16
await store.write([{ key: bytes(0), value }])
const written = store.get(bytes(0)) !== undefined
await store.close()
process.stdout.write(JSON.stringify({ code, kept, removed, written, failed }))
