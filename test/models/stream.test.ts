/** Random sequences of calls on both ends of a byte stream keep what its model promises. */
import { testModel } from './model-test.js'

testModel('stream', 80, 'ipc')
testModel('stream', 80, 'tcp')
