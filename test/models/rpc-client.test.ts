/** Random sequences of calls of an RPC client keep what its model promises. */
import { testModel } from './model-test.js'

testModel('rpc-client', 150)
