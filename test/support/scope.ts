/** What is closed when a test, or one round of an attack, ends. */

/** Takes what is to be done at the end; a test of tap is one. */
export interface Scope {
  teardown(action: () => unknown): void
}

/** A scope that its owner ends. */
export class OwnScope implements Scope {
  readonly #actions: (() => unknown)[] = []

  teardown(action: () => unknown): void {
    this.#actions.push(action)
  }

  /** Does everything that was asked for, the latest first. */
  async end(): Promise<void> {
    for (const action of this.#actions.splice(0).reverse()) await action()
  }
}
