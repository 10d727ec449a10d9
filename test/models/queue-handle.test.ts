/** Random sequences of calls of a queue handle keep what its model promises. */
import { testModel } from './model-test.js'

testModel('queue-handle', 120)
