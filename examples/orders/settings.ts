/** What can be set from outside, by variables of the environment. */
import { join } from 'node:path'

/** The port of the page. */
export const port = Number(process.env.PORT ?? 3000)

/** The one address that every process knows: that of the directory. All others are found there. */
export const directoryEndpoint = `tcp://127.0.0.1:${process.env.DIRECTORY_PORT ?? port + 1}`

/** Where the keys, the database and the queue are. */
export const dataFolder = process.env.DATA_FOLDER ?? join(import.meta.dirname, 'data')

/** How long a worker takes to bring an order into its next state, in milliseconds. */
export const stepMs = Number(process.env.STEP_MS ?? 3000)
