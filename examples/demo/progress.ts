/**
 * How a run is shown while it goes on: a view that is redrawn on a terminal, plain lines elsewhere, or nothing.
 *
 * Ten frames or one line a second, however many messages there are. The run does not depend on it.
 */
import { createLogUpdate } from 'log-update'
import { interval, type Subscription } from 'rxjs'
import type { Audience, Scene } from './demo.js'
import { bytes, count, milliseconds, percent, plural, printable, seconds } from './format.js'
import { frameOf } from './frame.js'
import { queueText } from './queue-text.js'
import { Rates } from './rates.js'

const framesPerSecond = 10

/** Shows a run. */
export interface Progress extends Audience {
  /** Ends it; what is on the terminal stays there. */
  end(): void
}

/** Whether a stream is a terminal that may be redrawn, and nobody asked for less. */
export function isInteractive(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  const asksForLess = [env.CI, env.NO_COLOR].some((value) => value !== undefined && value !== '' && value !== 'false')
  return stream.isTTY === true && !asksForLess && env.TERM !== 'dumb'
}

/** A view that is redrawn. */
export class Screen implements Progress {
  readonly #stream: NodeJS.WriteStream
  readonly #log
  readonly #rates = new Rates()
  #draw: (() => void) | undefined
  #frames: Subscription | undefined

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
    this.#log = createLogUpdate(stream)
  }

  opened(scene: Scene): void {
    this.#draw = () => {
      const { columns = 80, rows = 24 } = this.#stream
      this.#log(frameOf(scene, this.#rates, { columns, rows }).join('\n'))
    }
    this.#frames = interval(1000 / framesPerSecond).subscribe(this.#draw)
    this.#draw()
  }

  noted(line: string): void {
    this.#log.persist(printable(line))
  }

  end(): void {
    this.#frames?.unsubscribe()
    this.#draw?.()
    this.#log.done()
  }
}

/** Plain lines. */
export class Lines implements Progress {
  readonly #stream: NodeJS.WritableStream
  readonly #rates = new Rates()
  #ticks: Subscription | undefined

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream
  }

  opened(scene: Scene): void {
    this.#rates.of('files', 0)
    this.#ticks = interval(1000).subscribe(() => this.#write(this.#line(scene)))
  }

  noted(line: string): void {
    this.#write(printable(line))
  }

  end(): void {
    this.#ticks?.unsubscribe()
  }

  #line({ ledger, crew, queue, keeper, board, visit, startedMs }: Scene): string {
    const done = ledger.found - ledger.open
    const busy = board.entries.flatMap(({ topic, figure }) => (topic.includes('.cpu.') ? [figure.share ?? 0] : []))
    const average = busy.reduce((sum, share) => sum + share, 0) / Math.max(1, busy.length)
    return [
      seconds((performance.now() - startedMs) / 1000),
      `${count(done)} of ${count(ledger.found)} files`,
      `${count(this.#rates.of('files', done))} files/s`,
      `${bytes(ledger.bytes)} hashed`,
      `${plural(crew.working, 'worker')} at work`,
      queueText(queue.files, ledger.redelivered, keeper.restarts),
      `${plural(busy.length, 'core')} busy at ${percent(average).trim()}`,
      `${plural(visit.queries, 'call')} of ${milliseconds(visit.latencies.medianMs)}`,
    ].join(', ')
  }

  #write(line: string): void {
    this.#stream.write(`${line}\n`)
  }
}

/** Shows nothing. */
export class Silence implements Progress {
  opened(): void {}
  noted(): void {}
  end(): void {}
}
