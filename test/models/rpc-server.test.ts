/** Random sequences of calls of an RPC server keep what its model promises. */
import { testModel } from './model-test.js'

testModel('rpc-server', 150)
