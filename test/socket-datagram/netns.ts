/** Two network namespaces of the test's own, joined by a pair of virtual interfaces, where the machine allows it. */
import { spawnSync } from 'node:child_process'
import type { Scope } from '../support/scope.js'

function ip(...args: readonly string[]): { readonly ok: boolean; readonly said: string } {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  return { ok: status === 0, said: error?.message ?? stderr }
}

function must(...args: readonly string[]): void {
  const { ok, said } = ip(...args)
  if (!ok) throw new Error(`ip ${args.join(' ')}: ${said}`)
}

/** Why there can be no namespaces here; `undefined` if there can. */
export function whyNoNamespaces(): string | undefined {
  const name = `rivulet-probe-${process.pid}`
  const { ok, said } = ip('netns', 'add', name)
  if (!ok) return said.includes('ENOENT') ? 'missing packages: iproute2' : 'no network namespaces (ip netns)'
  const hasPair = ip('-n', name, 'link', 'add', 'rvt0', 'type', 'veth', 'peer', 'name', 'rvt1').ok
  ip('netns', 'del', name)
  return hasPair ? undefined : 'no virtual interfaces (ip link add type veth)'
}

/** One side of the pair. */
export class Namespace {
  readonly name: string
  readonly device: string
  readonly address: string

  constructor(name: string, device: string, address: string) {
    this.name = name
    this.device = device
    this.address = address
  }

  /** The program and the arguments that run Node in it. */
  command(...args: readonly string[]): readonly [string, readonly string[]] {
    return ['ip', ['netns', 'exec', this.name, process.execPath, ...args]]
  }

  /** Gives the interface its address, and brings it up. */
  up(): void {
    must('-n', this.name, 'addr', 'replace', `${this.address}/24`, 'dev', this.device)
    must('-n', this.name, 'link', 'set', this.device, 'up')
  }

  down(): void {
    must('-n', this.name, 'link', 'set', this.device, 'down')
  }

  /** Removes the interface, and so that of the other side. */
  remove(): void {
    must('-n', this.name, 'link', 'del', this.device)
  }

  /** Makes the pair of interfaces. */
  join(other: Namespace): void {
    const peer = ['peer', 'name', other.device, 'netns', other.name]
    must('-n', this.name, 'link', 'add', this.device, 'type', 'veth', ...peer)
  }
}

/** Makes two namespaces; the scope removes them. */
export function twoNamespaces(scope: Scope): readonly [Namespace, Namespace] {
  const id = `${process.pid}`.slice(-6)
  const [one, two] = [`rvt-a-${id}`, `rvt-b-${id}`]
  for (const name of [one, two]) {
    must('netns', 'add', name)
    scope.teardown(() => ip('netns', 'del', name))
    must('-n', name, 'link', 'set', 'lo', 'up')
  }
  const sides = [new Namespace(one, 'rvt0', '10.231.7.1'), new Namespace(two, 'rvt0', '10.231.7.2')] as const
  sides[0].join(sides[1])
  for (const side of sides) side.up()
  return sides
}
