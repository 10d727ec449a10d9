/**
 * What the processes of the demonstration say to each other: the schemas and the names of the topics.
 *
 * The types are inferred from the schemas. Nothing else is shared between the processes but the command line.
 */
import { defineSchema, type Infer } from 'rivulet/avro'

/** Work for one worker: a file to hash, or `null`: there is nothing more for the worker that takes it. */
export const Task = defineSchema({
  type: 'record',
  name: 'Task',
  fields: [
    {
      name: 'file',
      type: [
        'null',
        {
          type: 'record',
          name: 'File',
          fields: [
            { name: 'id', type: 'int' },
            { name: 'path', type: 'string' },
          ],
        },
      ],
    },
  ],
})
export type Task = Infer<typeof Task>
export type File = NonNullable<Task['file']>

/** What a worker answers: what became of a file, or, after everything else it has to say, that it has finished. */
export const Report = defineSchema({
  type: 'record',
  name: 'Report',
  fields: [
    { name: 'worker', type: 'int' },
    { name: 'inWork', type: 'int', doc: 'other files that the worker has in work' },
    {
      name: 'outcome',
      type: [
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
        {
          type: 'record',
          name: 'Finished',
          fields: [{ name: 'answered', type: 'int', doc: 'files that the worker has answered, in all' }],
        },
      ],
    },
  ],
})
export type Report = Infer<typeof Report>
export type Outcome = Report['outcome']

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
} as const
