/**
 * The floor: compiles and runs `libzmq.c`, where there are a compiler and libzmq's headers.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const source = fileURLToPath(new URL('libzmq.c', import.meta.url))
const run = promisify(execFile)
const maxOutputBytes = 64 * 1024 * 1024

/** What a C program over libzmq does, on this machine. */
export class Libzmq implements Disposable {
  readonly #folder: string
  readonly #program: string
  /** The version of the library that the program uses. */
  readonly version: string

  /** Compiles the program; returns why not, where that cannot be done. */
  static compile(): Libzmq | string {
    const folder = mkdtempSync(join(tmpdir(), 'rivulet-bench-'))
    const program = join(folder, 'libzmq')
    const { error, status, stderr } = spawnSync('gcc', ['-O2', source, '-o', program, '-lzmq'], { encoding: 'utf8' })
    if (!error && status === 0) return new Libzmq(folder, program)
    rmSync(folder, { recursive: true })
    if (error) return 'there is no gcc'
    return stderr.includes('zmq.h') ? 'the headers of libzmq are missing' : `it does not compile: ${stderr.trim()}`
  }

  private constructor(folder: string, program: string) {
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
    rmSync(this.#folder, { recursive: true })
  }

  async #run(what: string, ...numbers: number[]): Promise<number[][]> {
    const { stdout } = await run(this.#program, [what, ...numbers.map(String)], { maxBuffer: maxOutputBytes })
    const lines = stdout.trim().split('\n')
    return lines.map((line) => line.split(' ').map(Number))
  }
}
