/** Consumers of an engine that cannot read messages of some schemas. */
import type { EngineWorld, TestConsumer } from './engine-world.js'

/** The hash of a schema that old consumers cannot read. */
export const young = Buffer.alloc(16, 8)

/** Does what a consumer does that gets messages which it cannot read. */
export function refuses(consumer: TestConsumer, hash: Uint8Array): void {
  consumer.attachment.cannotRead([hash])
  consumer.settle({ kind: 'release' })
}

/** Acknowledges all that a consumer has. */
export function ackAll(consumer: TestConsumer): void {
  for (const { lease } of consumer.blocks) consumer.settle({ kind: 'ack', lease })
}

/** A consumer that has said before what it cannot read. */
export function outdated(world: EngineWorld, name = 'old', credit = 1000, hash: Uint8Array = young): TestConsumer {
  const consumer = world.consumer(name, 0)
  consumer.attachment.cannotRead([hash])
  consumer.attachment.grant(credit)
  return consumer
}
