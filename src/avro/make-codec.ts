/**
 * Makes the functions that move the bytes of a schema: generated code, or closures where no code may be generated.
 *
 * Both take the same schemas, values and bytes and refuse the rest alike; generated code is up to five times as fast.
 */
import { mayGenerate } from './code-generation.js'
import { generateRead } from './generate-read.js'
import { generateSkip } from './generate-skip.js'
import { generateWrite } from './generate-write.js'
import { interpretRead } from './interpret-read.js'
import { interpretSkip } from './interpret-skip.js'
import { interpretWrite } from './interpret-write.js'

/** Returns the function that reads values by a plan. */
export const makeRead = mayGenerate ? generateRead : interpretRead

/** Returns the function that goes past values of a schema. */
export const makeSkip = mayGenerate ? generateSkip : interpretSkip

/** Returns the function that writes values of a schema. */
export const makeWrite = mayGenerate ? generateWrite : interpretWrite
