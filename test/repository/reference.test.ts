/**
 * The reference of the public interface: TypeDoc makes it without a warning, so every public member is documented; each
 * symbol is under the entry that exports it, links to sources work in a checkout, and the search finds guides and comments.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import t from 'tap'
import { root } from '../../tools/build.js'
import { complaint, run } from '../child-process.js'
import { entries, manifest } from './manifest.js'

/** What the tests need of TypeDoc's JSON. */
interface Module {
  readonly name: string
  readonly children: readonly { readonly name: string; readonly variant: string }[]
}

t.test('the reference', async (t) => {
  const folder = t.testdir()
  const json = join(folder, 'reference.json')
  // errors of the compiler are found where everything is compiled
  const args = [
    join('node_modules', 'typedoc', 'bin', 'typedoc'),
    '--skipErrorChecking',
    '--html',
    folder,
    '--json',
    json,
  ]
  t.equal(complaint(await run(process.execPath, args, { cwd: root, timeoutMs: 90_000 })), undefined)

  const { children: modules } = JSON.parse(readFileSync(json, 'utf8')) as { children: Module[] }
  t.strictSame(modules.map(({ name }) => name).sort(), [...entries].sort())
  for (const { name, children } of modules) {
    const elsewhere = children.filter(({ variant }) => variant === 'reference')
    if (name !== manifest.name) t.strictSame(elsewhere, [], `what ${name} exports is described there`)
    t.ok(children.length > elsewhere.length, `${name} has symbols`)
  }

  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html'))
  const links = pages.flatMap((page) => [
    ...readFileSync(join(folder, page), 'utf8').matchAll(/href="([^"]+\.ts)#L\d+"/g),
  ])
  const targets = [...new Set(links.map(([, path = '']) => path))]
  t.ok(targets.length > 0, 'there are links to sources')
  // pages of symbols lie in docs/api/<kind>
  const broken = targets.filter((path) => !existsSync(join(root, 'docs', 'api', 'classes', path)))
  t.strictSame(broken, [])

  const [, data = ''] = /"([^"]+)"/.exec(readFileSync(join(folder, 'assets', 'search.js'), 'utf8')) ?? []
  const index = inflateSync(Buffer.from(data, 'base64')).toString()
  t.match(index, '"documents/', 'guides are in the search index')
  t.match(index, 'rivulet_lease_lost', 'with their text')
})
