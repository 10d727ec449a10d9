/**
 * Model tests: random sequences of public calls, checked against a few lines that know what is promised.
 *
 * How to write one, in a file `NAME-model.ts` of this folder that exports `model` (`push-model.ts` is an example):
 * 1. `draw` draws the options of the resource under test: plain data, so that a failure can print it. Leave options out
 *    often: defaults are what most users have.
 * 2. `open` opens the resource in `lab.runtime` at `lab.endpoint()` and returns the world: the resource, its peers, and
 *    what the model knows (what was sent, what was confirmed). `lab.watch(resource)` makes it one that must close.
 * 3. `steps` are the calls; `stepsOf<World>()` types them. Each has a name, a weight, a function that draws its
 *    arguments (plain data), and one that makes the call. Refer to peers by a drawn number, modulo those that are there:
 *    every call must make sense after any other, since a failing sequence is shortened by leaving calls out.
 * 4. A call that returns a promise goes through `lab.call(label, () => promise, { rejects: codes })`: it must settle
 *    before the end, and may reject with these codes alone. `lab.expect(condition, text)` records a broken promise, also
 *    inside of callbacks; it does not throw. A step that returns a promise is waited for, so a step that must not end the
 *    turn returns nothing.
 * 5. `always` is checked after each call: counts that add up. `end` lets everything come to rest, with
 *    `lab.until(condition, text)`, checks the rest, and closes through `lab.close(resource)`; what is left open is closed.
 * 6. The kit adds the ends of turns, time that passes (`lab.clock`, the clock of the runtime), and cuts (tcp, through
 *    `lab.way(endpoint)`). Kills are steps of the models whose resources `lab.child` starts. It fails a sequence for every uncaught error, for calls that never settle, and for
 *    resources that do not close. Never sleep: `until` waits, and passes time when nothing else happens.
 * 7. `NAME.test.ts` calls `testModel('NAME')`. `npm run soak -- models --resource NAME` runs many; a failure prints the
 *    seed and the shortened calls. Take a repair back, run that, and see it fail before you trust the model.
 */
import type { Random } from '../simulation/random.js'
import type { Lab } from './lab.js'

/** One kind of call. */
export interface Step<World> {
  readonly name: string
  /** How often it is drawn, beside the others. */
  readonly weight: number
  /** Draws its arguments: plain data. */
  readonly draw: (random: Random) => unknown
  /** Makes the call; what it returns is waited for. */
  readonly run: (world: World, args: never) => unknown
}

/** What is tested, and what it promises. */
export interface Model<Setup, World> {
  readonly name: string
  /** Draws the options: plain data. */
  readonly draw: (random: Random) => Setup
  /** Opens the world of one sequence. */
  readonly open: (lab: Lab, setup: Setup) => Promise<World>
  readonly steps: readonly Step<World>[]
  /** Checks what holds at all times. */
  readonly always?: (world: World) => void
  /** Comes to rest, checks what holds then, and closes. */
  readonly end: (world: World) => Promise<void>
}

/** A model whose types do not matter. */
export type AnyModel = Model<unknown, unknown>

/** Makes steps of one world, with typed arguments. */
export function stepsOf<World>() {
  return <Args>(
    name: string,
    weight: number,
    draw: (random: Random) => Args,
    run: (world: World, args: Args) => unknown,
  ): Step<World> => ({ name, weight, draw, run: run as Step<World>['run'] })
}

/** Makes a model. */
export function defineModel<Setup, World>(model: Model<Setup, World>): AnyModel {
  return model as unknown as AnyModel
}

/** The model of this name, or one of several in a file: `FILE:NAME`. */
export async function loadModel(name: string): Promise<AnyModel> {
  const [file, part = ''] = name.split(':')
  const { model, models } = (await import(`./${file}-model.js`)) as {
    readonly model?: AnyModel
    readonly models?: Readonly<Record<string, AnyModel>>
  }
  const found = part === '' ? model : models?.[part]
  if (!found) throw new Error(`there is no model ${name}`)
  return found
}
