/** Random sequences of calls on a listener of typed streams, its clients and strangers keep what their model promises. */
import { testModel } from './model-test.js'

testModel('typed-listener', 60, 'ipc')
testModel('typed-listener', 60, 'tcp')
