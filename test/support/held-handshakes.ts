/** Peers that come at once to a socket whose gate holds handshakes. */
import type { Test } from 'tap'
import { rawPeer } from './raw-zmtp.js'

/** How many of them. */
const crowd = 10

/** Asserts that peers of one endpoint come a few at a time, and those of another socket, a publisher, meanwhile. */
export async function comesSlowly(t: Test, endpoint: string, socketType: string, other: string): Promise<void> {
  let admitted = 0
  const coming = Array.from({ length: crowd }, async () => {
    await rawPeer(t, endpoint, socketType)
    admitted += 1
  })
  await Promise.race(coming)
  for (let one = 0; one < 2; one++) await rawPeer(t, other, 'XSUB')
  t.ok(admitted < crowd, `${admitted} have come while two came to another publisher`)
  await Promise.all(coming)
}
