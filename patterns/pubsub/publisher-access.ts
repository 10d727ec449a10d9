/**
 * What publishers may bring to a side with a policy: which topics, and messages of which sources.
 *
 * A source belongs to the identity that brought it first, until the last link of that identity ends: one who may publish a topic
 * cannot put messages under the name of another, or use up its numbers. Pure: it is given links, and asks the policy.
 */
import type { PeerInfo } from '../../src/session/index.js'
import { TopicAccess, type TopicPolicy } from './topic-access.js'

/** Sources of one identity. */
const maxSources = 16_384

/** An identity with a link. */
interface Owner {
  links: number
  readonly sources: Set<string>
}

/** What the publishers of one side may bring. */
export class PublisherAccesses {
  readonly #policy: () => TopicPolicy | undefined
  /** By name: one name may have several keys. */
  readonly #owners = new Map<string, Owner>()
  /** By source. */
  readonly #ownerOf = new Map<string, Owner>()

  /** @param policy - What decides, once links are open: nothing comes before. */
  constructor(policy: () => TopicPolicy | undefined) {
    this.#policy = policy
  }

  /** What the peer of a link may bring; to be closed when the link has ended. */
  open({ identity }: PeerInfo): PublisherAccess {
    const policy = this.#policy() ?? nothing
    const name = identity?.name ?? ''
    const owner = this.#owners.get(name) ?? { links: 0, sources: new Set() }
    owner.links += 1
    this.#owners.set(name, owner)
    let isClosed = false
    return new PublisherAccess(new TopicAccess(policy, identity, 'publish'), {
      owns: (source) => (this.#ownerOf.get(source) ?? owner) === owner,
      claim: (source) => this.#claim(owner, source),
      denied: (topic) =>
        policy.note?.({ kind: 'denied', reason: 'publish', target: topic, ...(identity && { identity }) }),
      close: () => {
        if (isClosed) return
        isClosed = true
        owner.links -= 1
        if (owner.links > 0) return
        this.#owners.delete(name)
        for (const source of owner.sources) this.#ownerOf.delete(source)
      },
    })
  }

  #claim(owner: Owner, source: string): boolean {
    const known = this.#ownerOf.get(source)
    if (known !== undefined) return known === owner
    if (owner.sources.size >= maxSources) return false
    owner.sources.add(source)
    this.#ownerOf.set(source, owner)
    return true
  }
}

/** What access needs of those of all links. */
interface PublisherAccessPorts {
  owns(source: string): boolean
  claim(source: string): boolean
  denied(topic: string): void
  close(): void
}

/** What the peer of one link may bring. */
export class PublisherAccess {
  readonly #topics: TopicAccess
  readonly #ports: PublisherAccessPorts

  constructor(topics: TopicAccess, ports: PublisherAccessPorts) {
    this.#topics = topics
    this.#ports = ports
  }

  /** Whether it has brought a topic that it may publish. */
  get isAdmitted(): boolean {
    return this.#topics.isAdmitted
  }

  /** Whether it may publish a topic; each denial is counted and reported. */
  admits(topic: string): boolean {
    return this.#topics.admits(topic)
  }

  /** Whether a source is not that of another identity. */
  owns(source: string): boolean {
    return this.#ports.owns(source)
  }

  /** The same for a source that it brings, which is its own from now on. */
  claims(source: string): boolean {
    return this.#ports.claim(source)
  }

  /** The same for one that it brings messages of on a topic; a denial is counted and reported. */
  brings(source: string, topic: string): boolean {
    if (this.#ports.claim(source)) return true
    this.#ports.denied(topic)
    return false
  }

  /** Its link has ended. */
  close(): void {
    this.#ports.close()
  }
}

const nothing: TopicPolicy = { permits: () => false, allows: () => false }
