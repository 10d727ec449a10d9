/**
 * Makes glibc keep the memory of frames for the next ones.
 *
 * The library allocates every frame that comes, and the collector frees them, many at once. When more than a threshold is
 * free at the end of its heap, glibc gives that back to the system, and every page of the next frames is a page fault. The
 * threshold is 128 KiB at first; glibc raises it to twice the size of any larger block that is freed, up to 64 MiB (mallopt(3),
 * `M_MMAP_THRESHOLD`). So it depended on what else a process had freed, and a durable queue was up to 16 % faster by luck.
 * Here one such block is freed. Other allocators do not mind.
 */

/** So that glibc keeps 8 MiB at the end of each of its heaps, or more if a larger block is freed; in bytes. */
const blockBytes = 4 * 1024 * 1024

let isKept = false

/** To be called before frames come; once is enough, further calls do nothing. Takes no memory: nobody writes to the block. */
export function keepMemoryOfFrames(): void {
  if (isKept) return
  isKept = true
  // the next collection frees it
  new ArrayBuffer(blockBytes)
}
