/**
 * The floor: compiles and runs `libzmq.c`, where there are a compiler and libzmq's headers.
 */
import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeFolder } from './clean-up.js'

const source = fileURLToPath(new URL('libzmq.c', import.meta.url))
const run = promisify(execFile)
const maxOutputBytes = 64 * 1024 * 1024

/** What a C program over libzmq does, on this machine. */
export class Libzmq implements Disposable {
  readonly #folder: Disposable
  readonly #program: string
  /** The version of the library that the program uses. */
  readonly version: string

  /** Compiles the program; returns why not, where that cannot be done. */
  static compile(): Libzmq | string {
    const folder = makeFolder()
    const program = join(folder.path, 'libzmq')
    const { error, status, stderr } = spawnSync('gcc', ['-O2', source, '-o', program, '-lzmq'], { encoding: 'utf8' })
    if (!error && status === 0) return new Libzmq(folder, program)
    folder[Symbol.dispose]()
    if (error) return 'there is no gcc'
    return stderr.includes('zmq.h') ? 'the headers of libzmq are missing' : `it does not compile: ${stderr.trim()}`
  }

  private constructor(folder: Disposable, program: string) {
    this.#folder = folder
    this.#program = program
    this.version = spawnSync(program, ['version'], { encoding: 'utf8' }).stdout.trim()
  }

  /** Messages a second. */
  async throughput(messageBytes: number, warmUpMs: number, forMs: number): Promise<number> {
    const [[messages = 0, nanoseconds = 0] = []] = await this.#run('throughput', messageBytes, warmUpMs, forMs)
    return (messages / nanoseconds) * 1e9
  }

  /** How long each exchange took, in microseconds. */
  async exchange(messageBytes: number, warmUp: number, count: number): Promise<number[]> {
    const lines = await this.#run('exchange', messageBytes, warmUp, count)
    return lines.map(([nanoseconds = 0]) => nanoseconds / 1000)
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]()
  }

  async #run(what: string, ...numbers: number[]): Promise<number[][]> {
    const { stdout } = await run(this.#program, [what, ...numbers.map(String)], { maxBuffer: maxOutputBytes })
    const lines = stdout.trim().split('\n')
    return lines.map((line) => line.split(' ').map(Number))
  }
}
