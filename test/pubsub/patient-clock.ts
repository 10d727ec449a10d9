/**
 * A clock by which no time passes, while its timers fire: the load of the machine uses up nobody's patience.
 */
import { type Clock, systemClock } from '../../src/clock/index.js'

/** For publishers that wait for slow subscribers as long as these go on at all. */
export const patientClock: Clock = { ...systemClock, now: () => 0 }
