/**
 * Makes glibc keep the memory of frames for the next ones.
 *
 * The library allocates every frame that comes, and the collector frees them, many at once. When more than a threshold is
 * free at the end of its heap, glibc gives that back to the system, and every page of the next frames is a page fault. The
 * threshold is 128 KiB at first; glibc raises it to twice the size of any larger block that is freed, up to 64 MiB (mallopt(3),
 * `M_MMAP_THRESHOLD`). So it depended on what else a process had freed, and a durable queue was up to 16 % faster by luck.
 * Here one such block is freed. Other allocators do not mind.
 */

/** So that glibc keeps at most 8 MiB for each of its heaps, in bytes. */
const blockBytes = 4 * 1024 * 1024

/** To be called once a process, before frames come; takes no memory, since nobody writes to the block. */
export function keepMemoryOfFrames(): void {
  // the next collection frees it
  new ArrayBuffer(blockBytes)
}
