/**
 * What the processes of the demonstration say to each other: the schemas and the names of the topics.
 *
 * The types are inferred from the schemas. Nothing else is shared between the processes but the command line.
 */
import { defineSchema, type Infer } from 'rivulet/avro'

/** Work for one worker: some files to hash. */
export const Batch = defineSchema({
  type: 'record',
  name: 'Batch',
  fields: [
    {
      name: 'files',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'File',
          fields: [
            { name: 'id', type: 'int', doc: 'stands for the path in answers' },
            { name: 'path', type: 'string' },
          ],
        },
      },
    },
  ],
})
export type Batch = Infer<typeof Batch>
export type File = Batch['files'][number]

/** What a worker answers: what became of each file of a batch. */
export const Report = defineSchema({
  type: 'record',
  name: 'Report',
  fields: [
    { name: 'worker', type: 'int' },
    { name: 'attempt', type: 'int', doc: 'which delivery of the batch it was, from 1 on' },
    { name: 'inWork', type: 'int', doc: 'other files that the worker has in work' },
    {
      name: 'outcomes',
      type: {
        type: 'array',
        items: [
          {
            type: 'record',
            name: 'Hashed',
            fields: [
              { name: 'id', type: 'int' },
              { name: 'bytes', type: 'long' },
              { name: 'sha256', type: { type: 'fixed', name: 'Sha256', size: 32 } },
            ],
          },
          {
            type: 'record',
            name: 'Unreadable',
            fields: [
              { name: 'id', type: 'int' },
              { name: 'code', type: 'string' },
            ],
          },
        ],
      },
    },
  ],
})
export type Report = Infer<typeof Report>
export type Outcome = Report['outcomes'][number]

/** One durable queue, on `queue.<name>`, in messages. */
export const QueueFigures = defineSchema({
  type: 'record',
  name: 'QueueFigures',
  fields: [
    { name: 'depth', type: 'int', doc: 'in the queue, those under a lease included' },
    { name: 'leased', type: 'int', doc: 'in the hands of workers' },
    { name: 'doneASecond', type: 'double' },
  ],
})
export type QueueFigures = Infer<typeof QueueFigures>

/** One core, on `machine.cpu.<number>`. */
export const Cpu = defineSchema({
  type: 'record',
  name: 'Cpu',
  namespace: 'machine',
  fields: [{ name: 'busy', type: 'double', doc: 'share of the time, 0 to 1' }],
})
export type Cpu = Infer<typeof Cpu>

/** On `machine.memory`. */
export const Memory = defineSchema({
  type: 'record',
  name: 'Memory',
  namespace: 'machine',
  fields: [
    { name: 'usedBytes', type: 'long' },
    { name: 'totalBytes', type: 'long' },
  ],
})
export type Memory = Infer<typeof Memory>

/** Processes that run or want to, on average over so many minutes, on `machine.load`. */
export const Load = defineSchema({
  type: 'record',
  name: 'Load',
  namespace: 'machine',
  fields: [
    { name: 'one', type: 'double' },
    { name: 'five', type: 'double' },
    { name: 'fifteen', type: 'double' },
  ],
})
export type Load = Infer<typeof Load>

/** One interface, on `machine.network.<name>`. */
export const Network = defineSchema({
  type: 'record',
  name: 'Network',
  namespace: 'machine',
  fields: [
    { name: 'receivedBytesPerSecond', type: 'double' },
    { name: 'sentBytesPerSecond', type: 'double' },
  ],
})
export type Network = Infer<typeof Network>

/** What stands before the last word of a topic, or the whole of it. */
export const topics = {
  cpu: 'machine.cpu',
  memory: 'machine.memory',
  load: 'machine.load',
  network: 'machine.network',
  queue: 'queue',
} as const
