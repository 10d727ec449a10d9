/**
 * Hashes one file: small ones with a single read, large ones piece by piece.
 *
 * A pipe that took the place of a file since the walk does not hold it up, and a link is not followed.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** The hash of a file, and how many bytes went into it. */
export interface FileHash {
  readonly bytes: number
  readonly sha256: Buffer
}

const pieceBytes = 256 * 1024

/** Buffers that are not in use; never more than files are hashed at once. */
const spare: Buffer[] = []

// the last two do not exist on every system
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Hashes a file with SHA-256; rejects with the system's error. */
export async function hashFile(path: string): Promise<FileHash> {
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes)
  const file = await open(path, flags)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, pieceBytes)
      hash.update(buffer.subarray(0, bytesRead))
      bytes += bytesRead
      // a short read of a file is its last
      if (bytesRead < pieceBytes) return { bytes, sha256: hash.digest() }
    }
  } finally {
    spare.push(buffer)
    await file.close()
  }
}

/** The system's code of an error, such as `EACCES`. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? 'UNKNOWN'
}
