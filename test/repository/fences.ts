/**
 * The fences between the parts of the package: the table of DESIGN section 3 and the checks that hold it.
 *
 * Each check takes files and returns complaints, so that the tests can feed it a broken repository and see it complain.
 * A type-only import counts like any other: a part that knows another's types depends on it.
 */
import { resolveRelative, type SourceFile } from './sources.js'

const ground = ['clock', 'errors', 'options', 'observe', 'lifecycle']

/** For each folder of `src`, the folders it may import; all of `src` is open to a pattern. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  checksum: [],
  memory: [],
  clock: [],
  errors: [],
  options: ['errors'],
  observe: ['clock', 'errors', 'options'],
  lifecycle: ['clock', 'errors', 'options', 'observe'],
  avro: ['errors', 'options'],
  discovery: [...ground, 'security'],
  net: ground,
  security: ground,
  runtime: [...ground, 'security'],
  resource: [...ground, 'security', 'runtime'],
  socket: [...ground, 'discovery', 'net', 'security', 'runtime', 'resource'],
  stream: ground,
  wire: ['checksum', 'memory', 'errors', 'options', 'avro'],
  store: [...ground, 'checksum'],
  engine: [...ground, 'security', 'avro', 'checksum', 'store', 'runtime'],
  session: ['errors', 'lifecycle', 'security', 'avro', 'wire'],
  link: [...ground, 'security', 'runtime', 'resource', 'socket', 'session'],
  call: [...ground, 'avro', 'wire', 'runtime', 'stream', 'session'],
  conversation: [...ground, 'call'],
  'reliable-send': [...ground, 'checksum', 'memory', 'avro', 'wire', 'stream', 'conversation'],
  delivery: [...ground, 'security', 'checksum', 'memory', 'avro', 'wire', 'stream', 'conversation'],
}

/** Files that others may import beside the index of their folder: contracts that users of the package do not see. */
export const contracts: Readonly<Record<string, string>> = {
  'src/avro/avsc-command.ts': 'the command rivulet avsc, which src/command.ts loads',
  'patterns/pubsub/hub-command.ts': 'the command rivulet hub, which src/command.ts loads',
  'src/net/tls.ts': 'TLS, which byte streams load when they are asked for it',
  'src/avro/codec.ts': 'the codec of a schema, its limits and its errors; the index is the public entry rivulet/avro',
  'src/avro/service-codec.ts': 'the codec of a service',
  'src/avro/read-primitives.ts': 'reading records by hand, on the hot paths of frames and calls',
  'src/avro/write-primitives.ts': 'writing records by hand, on the same paths',
}

/** Libraries that one folder alone may import. */
export const owners: Readonly<Record<string, string>> = {
  zeromq: 'src/socket',
  avsc: 'src/avro',
  lmdb: 'src/store',
  'node:net': 'src/net',
  'node:tls': 'src/net',
  'node:dgram': 'src/net',
}

/** Where operators and creation functions of RxJS may be used; and where its classes may be, beside those. */
const operatorHomes = ['src/stream', 'src/delivery', 'patterns']
const rxjsClassHomes = [
  'observe',
  'lifecycle',
  'discovery',
  'security',
  'runtime',
  'resource',
  'socket',
  'link',
  'call',
  'conversation',
  'store',
].map((name) => `src/${name}`)

/** Complains about libraries outside of the folder that owns them. */
export function checkOwners(files: readonly SourceFile[]): string[] {
  return eachImport(files, (file, { specifier, line }) => {
    const owner = owners[packageOf(specifier)]
    if (owner === undefined || isUnder(file.path, owner)) return
    return `${file.path}:${line} imports ${specifier}: only ${owner} may`
  })
}

/** Complains about value imports of RxJS where there should be none, and about its deprecated paths. */
export function checkRxjs(files: readonly SourceFile[]): string[] {
  return eachImport(files, (file, { specifier, names, line }) => {
    if (packageOf(specifier) !== 'rxjs') return
    if (specifier !== 'rxjs') return `${file.path}:${line} imports ${specifier}: everything is in rxjs itself`
    if (isUnder(file.path, 'src/avro')) return `${file.path}:${line} imports rxjs: rivulet/avro must load without it`
    if (operatorHomes.some((home) => isUnder(file.path, home))) return
    const classesAllowed = rxjsClassHomes.some((home) => isUnder(file.path, home))
    const values = names.filter(({ name, typeOnly }) => !typeOnly && !(classesAllowed && /^[A-Z]/.test(name)))
    if (values.length === 0 && names.length > 0) return
    return `${file.path}:${line} imports ${values.map(({ name }) => name).join(', ')} of rxjs: not here`
  })
}

/** Complains about imports against the arrows of the layer table, and about folders that the table does not name. */
export function checkLayers(files: readonly SourceFile[]): string[] {
  const unknown = [...new Set(files.map(({ path }) => placeOf(path)))]
    .filter((place) => place.startsWith('src/') && layers[place.slice(4)] === undefined)
    .map((place) => `${place} is not in the layer table`)
  const crossings = eachImport(files, (file, { specifier, line }) => {
    if (!specifier.startsWith('.')) return
    const target = resolveRelative(file.path, specifier)
    if (mayImport(placeOf(file.path), placeOf(target))) return
    return `${file.path}:${line} imports ${target}: against the arrows`
  })
  return [...unknown, ...crossings]
}

/** Complains about imports of files of another folder that are neither its index nor a contract. */
export function checkDoors(files: readonly SourceFile[]): string[] {
  return eachImport(files, (file, { specifier, line }) => {
    if (!specifier.startsWith('.')) return
    const target = resolveRelative(file.path, specifier)
    if (placeOf(target) === placeOf(file.path) || target.endsWith('/index.ts') || contracts[target] !== undefined)
      return
    return `${file.path}:${line} imports ${target}: use the index of its folder`
  })
}

/** Complains about contracts that are no files, or that no other folder imports. */
export function checkContracts(files: readonly SourceFile[]): string[] {
  const used = new Set(
    files.flatMap((file) => targetsOf(file).filter((target) => placeOf(target) !== placeOf(file.path))),
  )
  return Object.keys(contracts)
    .filter((path) => !used.has(path))
    .map((path) => `${path} is declared as a contract, and no other folder imports it`)
}

/** Complains about relative imports that name no file, which would blind the other checks. */
export function checkTargets(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map(({ path }) => path))
  return eachImport(files, (file, { specifier, line }) => {
    if (!specifier.startsWith('.') || known.has(resolveRelative(file.path, specifier))) return
    return `${file.path}:${line} imports ${specifier}: no such source file`
  })
}

/** Complains about each circle among modules, once. */
export function checkCircles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, targetsOf(file)]))
  const done = new Set<string>()
  const complaints: string[] = []
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) complaints.push(`circle: ${[...trail.slice(start), path].join(' → ')}`)
    if (start >= 0 || done.has(path)) return
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) walk(path, [])
  return complaints
}

/** Complains about what `rivulet/avro` would load, through any number of modules, beside Avro. */
export function checkAvroReach(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const reached = new Set(files.map(({ path }) => path).filter((path) => isUnder(path, 'src/avro')))
  for (const path of reached) {
    const file = byPath.get(path)
    if (file !== undefined) for (const target of targetsOf(file)) reached.add(target)
  }
  return eachImport(files, (file, { specifier, line }) => {
    if (!reached.has(file.path) || !['zeromq', 'rxjs', 'lmdb'].includes(packageOf(specifier))) return
    return `${file.path}:${line} imports ${specifier}, and rivulet/avro reaches it`
  })
}

/** What byte streams load when an application asks for it, and not before. */
const loadedLater = ['src/wire/', 'src/avro/index.ts', 'src/net/tls.ts', 'src/security/', 'node:tls', 'node:crypto']

/**
 * Complains about what `rivulet/socket` loads before it is asked for: Avro, and TLS.
 *
 * A process that moves bytes and nothing else stays below a heap of 8 MB, from which on V8 marks all of it again for each 32 MiB
 * of buffers.
 */
export function checkSocketReach(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const reached = new Set(['patterns/socket/index.ts'])
  const complaints: string[] = []
  for (const path of reached) {
    const file = byPath.get(path)
    for (const { specifier, names, line, deferred } of file?.imports ?? []) {
      if (deferred || (names.length > 0 && names.every(({ typeOnly }) => typeOnly))) continue
      const target = specifier.startsWith('.') ? resolveRelative(path, specifier) : specifier
      if (loadedLater.some((later) => target.startsWith(later))) {
        complaints.push(`${path}:${line} imports ${target}, and rivulet/socket reaches it`)
      } else if (specifier.startsWith('.')) reached.add(target)
    }
  }
  return complaints
}

/** Complains about examples that import anything of the package but its public entries. */
export function checkPublicImports(files: readonly SourceFile[], entries: readonly string[]): string[] {
  return eachImport(files, (file, { specifier, line }) => {
    const folder = placeOf(file.path)
    if (specifier.startsWith('.')) {
      const target = resolveRelative(file.path, specifier)
      return isUnder(target, folder) ? undefined : `${file.path}:${line} imports ${target}: outside of ${folder}`
    }
    if (packageOf(specifier) !== 'rivulet' || entries.includes(specifier)) return
    return `${file.path}:${line} imports ${specifier}: not an entry of the package`
  })
}

function mayImport(from: string, to: string): boolean {
  if (from === to || from === 'src') return true
  // the entry of a pattern with several parts gathers them; the parts do not know each other
  if (from.startsWith('patterns/')) return to.startsWith('src/') || to.startsWith(`${from}/`)
  if (!from.startsWith('src/') || !to.startsWith('src/')) return false
  return layers[from.slice(4)]?.includes(to.slice(4)) ?? false
}

/** The part that a file belongs to: `src/wire`, `patterns/queue`, `examples`, or `src` for the umbrella itself. */
function placeOf(path: string): string {
  const [top = '', second = '', third = '', ...rest] = path.split('/')
  if (top === 'patterns' && rest.length > 0) return `${top}/${second}/${third}`
  return (top === 'src' || top === 'patterns') && third !== '' ? `${top}/${second}` : top
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}

function isUnder(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`)
}

function targetsOf(file: SourceFile): string[] {
  return file.imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => resolveRelative(file.path, specifier))
}

function eachImport(
  files: readonly SourceFile[],
  check: (file: SourceFile, imported: SourceFile['imports'][number]) => string | undefined,
): string[] {
  return files.flatMap((file) =>
    file.imports.map((imported) => check(file, imported)).filter((said) => said !== undefined),
  )
}
