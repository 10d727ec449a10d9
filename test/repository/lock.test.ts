/**
 * The lock files: complete for every platform, without addresses, and with every install script reviewed.
 *
 * npm leaves out an optional package that it cannot find when it writes such a file, and then refuses it in `npm ci`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  /** Whether it is a folder outside of `node_modules`, at `resolved`. */
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

type Packages = Readonly<Record<string, Locked>>

/** Whether Node's lookup from one package finds another. */
function finds(packages: Packages, from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (`${folder}${folder === '' ? '' : '/'}node_modules/${name}` in packages) return true
    if (folder === '') return false
  }
}

function missing(packages: Packages): string[] {
  return Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !finds(packages, path, name))
      .map((name) => `${path || 'the package'} needs ${name}`),
  )
}

const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))

t.test('a package that is missing is found', async (t) => {
  t.strictSame(missing({ '': { dependencies: { a: '1' } }, 'node_modules/a': { optionalDependencies: { b: '1' } } }), [
    'node_modules/a needs b',
  ])
  t.strictSame(missing({ 'node_modules/a/node_modules/b': { dependencies: { c: '1' } }, 'node_modules/c': {} }), [])
})

for (const folder of ['', 'examples/orders/']) {
  t.test(`${folder}package-lock.json`, async (t) => {
    const { packages: all }: { packages: Packages } = read(`${folder}package-lock.json`)
    const { allowScripts }: { allowScripts: Readonly<Record<string, boolean>> } = read(`${folder}package.json`)
    // this repository, as a package that the application uses, has a lock file of its own
    const packages = Object.fromEntries(Object.entries(all).filter(([path]) => path !== '../..'))
    const locked = Object.entries(packages).filter(([path, { link }]) => path !== '' && !link)

    t.test('it holds everything that a package of it needs, on any platform', async (t) => {
      t.ok(locked.length > 0)
      t.strictSame(missing(packages), [])
    })

    t.test('it holds versions and hashes, and no addresses', async (t) => {
      for (const [path, { version, resolved, integrity }] of locked) {
        if (version === undefined || integrity === undefined || resolved !== undefined) t.fail(path)
      }
      const links = Object.values(packages).filter(({ link }) => link)
      t.strictSame(
        links.map(({ resolved }) => resolved),
        folder === '' ? [] : ['../..'],
      )
    })

    t.test('install scripts are allowed or denied by name', async (t) => {
      const scripts = locked
        .filter(([, { hasInstallScript }]) => hasInstallScript)
        .map(([path]) => path.split('node_modules/').pop())
      t.strictSame(
        scripts.filter((name) => name === undefined || !(name in allowScripts)),
        [],
      )
      t.strictSame(
        Object.keys(allowScripts).filter((name) => !scripts.includes(name)),
        [],
      )
    })
  })
}
