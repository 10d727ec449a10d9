/** Schemas and protocols that cost as much as their text can: deep, wide, recursive, long, exploding. */

const range = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index))
const nest = (levels: number) => `${'{"type":"array","items":'.repeat(levels)}"int"${'}'.repeat(levels)}`
const record = (name: string, fields: unknown[]) => ({ type: 'record', name, fields })
const field = (name: string, type: unknown, ...rest: unknown[]) =>
  rest.length > 0 ? { name, type, default: rest[0] } : { name, type }

/** Names of the test's own type come first, so that resolving must look at what follows. */
const job = (more: unknown[]) => record('test.Job', [field('id', 'int'), ...more])

/** Each level of defaults names the one below twice. */
const exploding = (levels: number) => {
  const level = (left: number): unknown =>
    record(`X${left}`, [
      field('a', left === 0 ? 'int' : level(left - 1), left === 0 ? 1 : {}),
      field('b', left === 0 ? 'int' : `X${left - 1}`, left === 0 ? 1 : {}),
    ])
  return level(levels)
}

/** Schemas by name; none is longer than a receiver reads by far. */
export function schemaBombs(): [name: string, text: string][] {
  return [
    ['no JSON', '{"type":'],
    ['deep JSON', '['.repeat(30_000)],
    ['deep types', nest(2000)],
    ['types as deep as allowed', JSON.stringify(job([field('note', JSON.parse(nest(30)))]))],
    ['wide', JSON.stringify(job(range(1200, (index) => field(`f${index}`, ['null', 'string'], null))))],
    ['recursive', JSON.stringify(job([field('note', 'string'), field('next', ['null', 'test.Job'], null)]))],
    ['recursive without end', JSON.stringify(job([field('note', 'string'), field('next', 'test.Job')]))],
    [
      'a wide union',
      JSON.stringify(
        job([
          field(
            'note',
            range(900, (index) => record(`U${index}`, [])),
          ),
        ]),
      ),
    ],
    [
      'a large enum',
      JSON.stringify(job([field('note', { type: 'enum', name: 'E', symbols: range(5000, (index) => `S${index}`) })])),
    ],
    ['exploding defaults', JSON.stringify(job([field('note', exploding(18), {})]))],
    ['a large fixed', JSON.stringify(job([field('note', { type: 'fixed', name: 'F', size: 2 ** 31 - 1 })]))],
    ['as long as allowed', `{"type":"string","doc":"${'x'.repeat(60_000)}"}`],
    ['too long', `{"type":"string","doc":"${'x'.repeat(80_000)}"}`],
    ['a prototype', '{"type":"record","name":"__proto__","fields":[{"name":"constructor","type":"int"}]}'],
  ]
}

/** Protocols of a service, each with the name that announces it. */
export function protocolBombs(service: string): [name: string, text: string][] {
  const protocol = service.split('.').at(-1)
  const namespace = service.split('.').slice(0, -1).join('.')
  const text = (types: unknown[], messages: object) => JSON.stringify({ protocol, namespace, types, messages })
  const call = (type: unknown) => ({ request: [{ name: 'id', type }], response: 'int' })
  const tree = record(
    'Tree',
    range(8, (index) => field(`f${index}`, ['null', 'Tree', { type: 'array', items: 'Tree' }], null)),
  )
  const chain = range(1500, (index) => record(`N${index}`, index === 0 ? [] : [field('next', `N${index - 1}`)]))
  return [
    [service, '{"protocol":'],
    [service, '['.repeat(200_000)],
    [service, text([], Object.fromEntries(range(3000, (index) => [`m${index}`, call('int')])))],
    [service, text([tree], { echo: call('Tree'), large: call('Tree') })],
    [service, text(chain, { echo: call('N1499') })],
    [service, text([exploding(20)], { echo: call('X20') })],
    [service, `${text([], {}).slice(0, -1)},"doc":"${'x'.repeat(250_000)}"}`],
    [service, `${text([], {}).slice(0, -1)},"doc":"${'x'.repeat(300_000)}"}`],
    ['nobody.knows.It', text([], {})],
  ]
}
