/** Memory that frames are written to and read from, and used again. */

export { bufferOf } from './buffer-of.js'
export { type BufferMemory, Slab } from './slab.js'
export { SpareBuffers, spareBuffers } from './spare-buffers.js'
