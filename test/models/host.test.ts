/** Random sequences of calls of a host of durable queues keep what its model promises. */
import { testModel } from './model-test.js'

testModel('host', 80)
