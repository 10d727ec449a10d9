/** Random sequences of calls of a consumer of a durable queue keep what its model promises. */
import { testModel } from './model-test.js'

testModel('consumer', 120)
