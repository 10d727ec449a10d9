/**
 * Policies: what an identity may do. Data or a function; what no rule allows is denied.
 *
 * This file knows no pattern: the target of an action is a text. `SecurityGuard` asks it and reports what fails.
 */
import { RivuletError } from '../errors/index.js'
import { nameFault, type PeerIdentity } from './allow-list.js'
import { isKey } from './key-pair.js'
import { type TargetPattern, targetPattern } from './target-pattern.js'

/** What a peer asks to do; `docs/operations/policy.md` says what the target of each is. */
export type PolicyAction =
  | 'call'
  | 'reflect'
  | 'produce'
  | 'consume'
  | 'peek'
  | 'purge'
  | 'redrive'
  | 'publish'
  | 'subscribe'
  | 'message'
  | 'announce'

const actions: Readonly<Record<PolicyAction, true>> = {
  call: true,
  reflect: true,
  produce: true,
  consume: true,
  peek: true,
  purge: true,
  redrive: true,
  publish: true,
  subscribe: true,
  message: true,
  announce: true,
}

/** Allows actions on targets to an identity. */
export interface PolicyRule {
  /** The name of an identity, or `*` for every admitted peer. */
  readonly identity: string | '*'
  /** What it may do. */
  readonly action: PolicyAction | readonly PolicyAction[]
  /** On what: words between dots; `*` is one word, `#` at the end any number of words, none included. */
  readonly target: string
}

/** What a policy function is asked. */
export interface PolicyRequest {
  /** Who asks; `undefined` where a socket knows only that its peer was admitted. */
  readonly identity: PeerIdentity | undefined
  /** What it asks to do. */
  readonly action: PolicyAction
  /** On what: the name of a method, queue, topic or peer. A peer chose this text. */
  readonly target: string
}

/** Decides about one request; everything but `true` denies it, and so does an error. */
export type PolicyFunction = (request: PolicyRequest) => boolean

/** What identities may do: rules, of which one must allow what is asked, or a function. */
export type Policy = readonly PolicyRule[] | PolicyFunction

/** A policy that can be asked. */
export type Permits = (request: PolicyRequest) => boolean

interface CompiledRule {
  readonly identity: string
  readonly actions: ReadonlySet<string>
  readonly matches: TargetPattern
}

/** Decisions that are kept for one identity and action, and identities. */
const mostDecisions = 1024
const mostIdentities = 1024
/** Longer targets are decided each time. */
const mostTargetCharacters = 256

/**
 * Checks the rules of a policy and compiles them.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function compileRules(subject: string, rules: readonly PolicyRule[]): Permits {
  const compiled = rules.map((rule, at) => compileRule(`${subject}[${at}]`, rule))
  /** By identity, so that one that asks for ever other targets makes only itself slow; then by action and target. */
  const decisions = new Map<string | undefined, Map<PolicyAction, Map<string, boolean>>>()
  const decide = (name: string | undefined, action: PolicyAction, target: string): boolean =>
    compiled.some(
      (rule) => (rule.identity === '*' || rule.identity === name) && rule.actions.has(action) && rule.matches(target),
    )
  return ({ identity, action, target }) => {
    const name = identity?.name
    const known = decisions.get(name)?.get(action)?.get(target)
    if (known !== undefined) return known
    const decision = decide(name, action, target)
    if (target.length > mostTargetCharacters) return decision
    const actions = bounded(decisions, name, mostIdentities, newMap<PolicyAction, Map<string, boolean>>)
    const targets = bounded(actions, action, mostDecisions, newMap<string, boolean>)
    return bounded(targets, target, mostDecisions, () => decision)
  }
}

function newMap<Key, Value>(): Map<Key, Value> {
  return new Map()
}

/** The value of a key, which is made if there is none; the oldest leaves when there are too many. */
function bounded<Key, Value>(map: Map<Key, Value>, key: Key, most: number, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  for (const oldest of map.keys()) {
    if (map.size < most) break
    map.delete(oldest)
  }
  const made = make()
  map.set(key, made)
  return made
}

function compileRule(place: string, rule: unknown): CompiledRule {
  if (typeof rule !== 'object' || rule === null) throw invalid(`${place} must be a rule`)
  const { identity, action, target, ...others } = rule as Record<string, unknown>
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) {
    const name = isKey(unknown) ? 'a key' : unknown
    throw invalid(`${place} must have identity, action and target alone, not ${name}`)
  }
  const fault = identity === '*' ? undefined : nameFault(identity)
  if (fault !== undefined) throw invalid(`${place}.identity ${fault}`)
  const named = Array.isArray(action) ? action : [action]
  if (named.length === 0 || !named.every((one) => Object.hasOwn(actions, one))) {
    throw invalid(
      `${place}.action must be one or several of ${Object.keys(actions)
        .map((one) => `'${one}'`)
        .join(', ')}`,
    )
  }
  const matches = targetPattern(target)
  if (typeof matches === 'string') throw invalid(`${place}.target ${matches}`)
  return { identity: identity as string, actions: new Set(named as string[]), matches }
}

function invalid(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', message)
}
