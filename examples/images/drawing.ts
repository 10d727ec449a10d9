/**
 * What a thread computes: a part of the Mandelbrot set as a PGM. In life an image library, such as sharp, works here.
 *
 * It is a text so that it runs in a thread wherever this example runs; usually it is a file of its own.
 */
export const drawing = `
const { parentPort } = require('node:worker_threads')
const [size, rounds] = [200, 500]

function shade(x, y) {
  let [real, imaginary] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const next = real * real - imaginary * imaginary + x
    imaginary = 2 * real * imaginary + y
    real = next
    if (real * real + imaginary * imaginary > 4) return 255 - (round % 256)
  }
  return 0
}

parentPort.on('message', (zoom) => {
  const pixels = Buffer.alloc(size * size)
  for (let place = 0; place < pixels.length; place++) {
    const [x, y] = [place % size, Math.floor(place / size)].map((at) => (at / size - 0.5) * (3 / zoom))
    pixels[place] = shade(x - 0.75, y)
  }
  parentPort.postMessage(Buffer.concat([Buffer.from('P5 ' + size + ' ' + size + ' 255\\n'), pixels]))
})
`
