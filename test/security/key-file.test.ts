/** Key pairs in files and in the environment: modes, replacement, links, and what is no key pair. */
import { chmod, link, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { isRivuletError } from '../../src/errors/index.js'
import { generateKeyPair, keyPairFromEnvironment, loadKeyPair, saveKeyPair } from '../../src/security/index.js'

const pair = generateKeyPair()

/** The message of the refusal, which must hold no secret. */
async function refused(t: Test, work: Promise<unknown>, code = 'RIVULET_KEY_FILE'): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.match(error, { code })
  t.notOk(inspect(error, { depth: 9 }).includes(pair.secretKey.slice(1, -1)))
  return isRivuletError(error) ? error.message : ''
}

t.test('what was saved is loaded, with a mode that keeps others out', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'server.key')
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  await saveKeyPair(path, pair)
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.strictSame({ ...(await loadKeyPair(path)) }, { publicKey: pair.publicKey, secretKey: pair.secretKey })
  t.strictSame(await readdir(folder), ['server.key'], 'no draft is left')
  process.umask(0o777)
  await saveKeyPair(join(folder, 'other.key'), pair)
  t.equal((await stat(join(folder, 'other.key'))).mode & 0o777, 0o600)
})

t.test('a file is replaced only if that is asked for', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'server.key')
  const next = generateKeyPair()
  await saveKeyPair(path, pair)
  t.match(await refused(t, saveKeyPair(path, next)), /overwrite: true/)
  t.equal((await loadKeyPair(path)).publicKey, pair.publicKey)
  await saveKeyPair(path, next, { overwrite: true })
  t.equal((await loadKeyPair(path)).publicKey, next.publicKey)
  t.strictSame(await readdir(folder), ['server.key'])
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'))
  await refused(t, saveKeyPair(join(folder, 'dangling'), next))
  t.ok((await lstat(join(folder, 'dangling'))).isSymbolicLink())
  t.strictSame(await readdir(folder), ['dangling', 'server.key'])
})

t.test('of many that save at once one succeeds', async (t) => {
  const path = join(t.testdir(), 'server.key')
  const pairs = Array.from({ length: 8 }, generateKeyPair)
  const done = await Promise.allSettled(pairs.map((one) => saveKeyPair(path, one)))
  const winners = pairs.filter((_, at) => done[at]?.status === 'fulfilled')
  t.equal(winners.length, 1)
  t.equal((await loadKeyPair(path)).publicKey, winners[0]?.publicKey)
})

t.test('where nothing can be written, nothing is left', async (t) => {
  const folder = t.testdir()
  await refused(t, saveKeyPair(join(folder, 'no', 'such', 'folder.key'), pair))
  await mkdir(join(folder, 'is-a-folder'))
  await refused(t, saveKeyPair(join(folder, 'is-a-folder'), pair, { overwrite: true }))
  t.strictSame(await readdir(folder), ['is-a-folder'])
  await refused(t, saveKeyPair('', pair), 'RIVULET_INVALID_OPTION')
  await refused(t, saveKeyPair('a\0b', pair), 'RIVULET_INVALID_OPTION')
  await refused(t, saveKeyPair(join(folder, 'a'), pair, { overwrite: 1 } as never), 'RIVULET_INVALID_OPTION')
  const mixed = { publicKey: generateKeyPair().publicKey, secretKey: pair.secretKey }
  await refused(t, saveKeyPair(join(folder, 'a'), mixed), 'RIVULET_INVALID_OPTION')
})

t.test('a file that others have access to is refused, also behind a link', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'server.key')
  const away = join(folder, 'link.key')
  await saveKeyPair(path, pair)
  await symlink('server.key', away)
  t.equal((await loadKeyPair(away)).publicKey, pair.publicKey)
  for (const mode of [0o640, 0o604, 0o620, 0o601, 0o660, 0o644]) {
    await chmod(path, mode)
    t.match(await refused(t, loadKeyPair(path)), new RegExp(`mode 0${mode.toString(8)}.*chmod 600`))
    await refused(t, loadKeyPair(away))
  }
  await chmod(path, 0o400)
  t.equal((await loadKeyPair(path)).publicKey, pair.publicKey)
})

t.test('what is no file of keys is refused', async (t) => {
  const folder = t.testdir()
  t.match(await refused(t, loadKeyPair(join(folder, 'none'))), /cannot be read/)
  t.match(await refused(t, loadKeyPair(folder)), /no regular file/)
  const { publicKey, secretKey } = pair
  const other = generateKeyPair()
  const wrong = [
    '',
    secretKey,
    `{"publicKey":"${publicKey}","secretKey":"${secretKey}`,
    '[]',
    'null',
    JSON.stringify({ secretKey }),
    JSON.stringify({ publicKey: other.publicKey, secretKey }),
    JSON.stringify({ publicKey: secretKey, secretKey: publicKey }),
    JSON.stringify({ publicKey, secretKey: [secretKey] }),
    JSON.stringify({ publicKey, secretKey: `${secretKey} ` }),
    `${JSON.stringify(pair)}${' '.repeat(5000)}`,
  ]
  for (const [at, text] of wrong.entries()) {
    const path = join(folder, String(at))
    await writeFile(path, text, { mode: 0o600 })
    await refused(t, loadKeyPair(path))
  }
  await link(join(folder, '0'), join(folder, 'hard'))
  await refused(t, loadKeyPair(join(folder, 'hard')))
})

t.test('a pipe does not block', { skip: process.platform === 'win32' }, async (t) => {
  const path = join(t.testdir(), 'pipe')
  const { execFileSync } = await import('node:child_process')
  execFileSync('mkfifo', ['-m', '600', path])
  t.match(await refused(t, loadKeyPair(path)), /no regular file/)
})

t.test('the file is plain JSON', async (t) => {
  const path = join(t.testdir(), 'server.key')
  await saveKeyPair(path, { ...pair, more: 1 } as never)
  t.strictSame(JSON.parse(await readFile(path, 'utf8')), { publicKey: pair.publicKey, secretKey: pair.secretKey })
})

t.test('a secret key in the environment', async (t) => {
  const name = 'RIVULET_TEST_KEY'
  t.teardown(() => Reflect.deleteProperty(process.env, name))
  process.env[name] = `${pair.secretKey}\n`
  t.strictSame({ ...keyPairFromEnvironment(name) }, { publicKey: pair.publicKey, secretKey: pair.secretKey })
  t.notOk(inspect(keyPairFromEnvironment(name)).includes(pair.secretKey))
  for (const value of ['', pair.secretKey.slice(1), `${pair.secretKey}${pair.secretKey}`]) {
    process.env[name] = value
    const reading = (async () => keyPairFromEnvironment(name))()
    t.match(await refused(t, reading, 'RIVULET_INVALID_OPTION'), /RIVULET_TEST_KEY is not a secret key/)
  }
  Reflect.deleteProperty(process.env, name)
  t.throws(() => keyPairFromEnvironment(name), { message: /not set/ })
  // the value of the variable in place of its name
  const mistaken = (async () => keyPairFromEnvironment(` ${pair.secretKey}\n`))()
  t.notOk((await refused(t, mistaken, 'RIVULET_INVALID_OPTION')).includes(pair.secretKey))
})
