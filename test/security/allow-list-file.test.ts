/** Allow lists in files: changes, replacements, and what is no list. */
import { chmod, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AllowListFile, allowListFile, generateKeyPair } from '../../src/security/index.js'
import { complaint, loader, moduleUrl, runModule } from '../child-process.js'
import { until } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { guarded } from './guarded.js'

const one = generateKeyPair().publicKey
const two = generateKeyPair().publicKey

/** A file that is followed over virtual time. */
function followed(t: Test, path: string) {
  const clock = new VirtualClock()
  const file = new AllowListFile(path, clock)
  const errors: string[] = []
  const lists: unknown[] = []
  file.errors.subscribe(({ code, message }) => errors.push(`${code} ${message}`))
  const subscription = file.subscribe((list) => lists.push(list))
  t.teardown(() => subscription.unsubscribe())
  return {
    clock,
    errors,
    lists,
    subscription,
    /** One more look at the file. */
    async look() {
      await clock.whenArmed()
      clock.advance(250)
      await clock.whenArmed()
    },
  }
}

t.test('each change is emitted, in place or by another file', async (t) => {
  const folder = t.testdir({ 'allowed.json': JSON.stringify({ alice: one }) })
  const path = join(folder, 'allowed.json')
  const { lists, errors, look } = followed(t, path)
  await look()
  await look()
  t.strictSame(lists, [{ alice: one }])
  await writeFile(path, JSON.stringify({ alice: two }))
  await look()
  await writeFile(join(folder, 'next.json'), JSON.stringify({ alice: [one, two] }))
  await rename(join(folder, 'next.json'), path)
  await look()
  await look()
  t.strictSame(lists, [{ alice: one }, { alice: two }, { alice: [one, two] }])
  t.strictSame(errors, [])
})

t.test('what is no list is reported once, and the last good one holds', async (t) => {
  const folder = t.testdir({ 'allowed.json': JSON.stringify({ alice: one }) })
  const path = join(folder, 'allowed.json')
  const { lists, errors, look } = followed(t, path)
  await look()
  const wrong = ['', '{', '[]', `["${one}"]`, 'null', `{"alice":"${one.slice(1)}"}`, `{"a":"${one}","b":"${one}"}`]
  for (const [at, text] of wrong.entries()) {
    await writeFile(path, text)
    await look()
    await look()
    t.equal(errors.length, new Set(errors).size, 'once')
    t.match(errors.at(-1), /^RIVULET_KEY_FILE allowListFile: .*; the last good list holds$/, String(at))
    t.notOk(errors.at(-1)?.includes(one.slice(1)))
  }
  await truncate(path, 17_000_000)
  await look()
  t.match(errors.at(-1), /cannot be read/)
  await rm(path)
  await look()
  t.match(errors.at(-1), /cannot be read/)
  t.strictSame(lists, [{ alice: one }])
  await writeFile(path, '{}')
  await look()
  t.strictSame(lists, [{ alice: one }, {}])
})

t.test('a list that others can change is none', async (t) => {
  const path = join(t.testdir({ 'allowed.json': JSON.stringify({ alice: one }) }), 'allowed.json')
  await chmod(path, 0o664)
  const { lists, errors, look } = followed(t, path)
  await look()
  t.strictSame(lists, [])
  t.match(errors, [/mode 0664.*chmod go-w/])
  await chmod(path, 0o644)
  await look()
  t.strictSame(lists, [{ alice: one }])
})

t.test('a link is followed when it leads elsewhere', async (t) => {
  const folder = t.testdir({ a: JSON.stringify({ alice: one }), b: JSON.stringify({ alice: two }) })
  await symlink('a', join(folder, 'current'))
  const { lists, look } = followed(t, join(folder, 'current'))
  await look()
  await symlink('b', join(folder, 'next'))
  await rename(join(folder, 'next'), join(folder, 'current'))
  await look()
  t.strictSame(lists, [{ alice: one }, { alice: two }])
})

t.test('looks end with the subscription', async (t) => {
  const path = join(t.testdir({ 'allowed.json': '{}' }), 'allowed.json')
  const { clock, subscription } = followed(t, path)
  await clock.whenArmed()
  subscription.unsubscribe()
  t.equal(clock.timers, 0)
})

t.test('a guard follows the file, and reports what is wrong with it', async (t) => {
  const path = join(t.testdir({ 'allowed.json': JSON.stringify({ alice: one }) }), 'allowed.json')
  const { guard, errors, revoked } = guarded({ allow: allowListFile(path) })
  t.teardown(() => guard.close())
  await until(() => guard.identityOf(one)?.name === 'alice')
  await writeFile(path, 'nonsense')
  await until(() => errors.length > 0)
  t.match(errors, [{ code: 'RIVULET_KEY_FILE' }])
  t.equal(guard.identityOf(one)?.name, 'alice')
  await writeFile(path, '{}')
  await until(() => revoked.length > 0)
  t.strictSame(revoked, [one])
  t.throws(() => allowListFile(''), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a followed file keeps no process alive', async (t) => {
  const path = join(t.testdir({ 'allowed.json': JSON.stringify({ alice: one }) }), 'allowed.json')
  const program = `
    import { allowListFile } from '${moduleUrl('src/security/index.ts')}'
    allowListFile(${JSON.stringify(path)}).subscribe((list) => console.log(Object.keys(list).join()))`
  const ended = await runModule(program, t.testdirName, ...loader)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout.trim(), 'alice')
})
