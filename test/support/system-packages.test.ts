/** Tests that need a package of the system: skipped where it is missing, and an error there with `CI=true`. */
import t from 'tap'
import { type Machine, withPackages } from './system-packages.js'

const machine = (isComplete: boolean, ...installed: string[]): Machine => ({
  isInstalled: (name) => installed.includes(name),
  isComplete,
})

t.test('a test runs where all of its packages are installed', async (t) => {
  for (const isComplete of [true, false]) {
    t.strictSame(withPackages(['python3'], machine(isComplete, 'python3', 'python3-zmq')), { skip: false })
    t.strictSame(withPackages([], machine(isComplete)), { skip: false })
  }
})

t.test('the reason of a skipped test names the missing packages', async (t) => {
  const options = withPackages(['python3', 'python3-zmq', 'python3-avro'], machine(false, 'python3'))
  t.strictSame(options, { skip: 'missing packages: python3-zmq, python3-avro' })
})

t.test('a missing package is an error where all are required', async (t) => {
  t.throws(() => withPackages(['python3', 'python3-zmq'], machine(true, 'python3')), {
    message: /^missing packages: python3-zmq; CI=true requires them/,
  })
})
