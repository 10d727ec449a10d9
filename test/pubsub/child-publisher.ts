/**
 * Starts a publisher in another process, and tells it what to do.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { loader, modulePath } from '../child-process.js'
import type { Answer, Order } from './publishing-process.js'

const program = modulePath('test/pubsub/publishing-process.ts')

/** Starts the process; it is killed with the test if it has not ended by then. */
export async function childPublisher(t: Test, bind: string) {
  // without tap's recorder of processes
  const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, program, bind]
  const child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const answer = async (): Promise<Answer> => (await once(child, 'message'))[0] as Answer
  const { endpoint } = (await answer()) as { endpoint: string }
  return {
    endpoint,
    /** Publishes these jobs. */
    publish: (topic: string, ids: readonly number[]): void => {
      child.send({ topic, ids } satisfies Order)
    },
    /** Closes the publisher; resolves with its answer when the process has ended by itself. */
    async close(): Promise<{ undelivered: number; sent: number; code: number | null }> {
      const answered = answer()
      child.send('close' satisfies Order)
      const { undelivered, sent } = (await answered) as { undelivered: number; sent: number }
      const [code] = (await ended) as [number | null]
      return { undelivered, sent, code }
    },
    kill: (): void => {
      child.kill('SIGKILL')
    },
  }
}
