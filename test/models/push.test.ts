/** Random sequences of calls of a push keep what its model promises. */
import { testModel } from './model-test.js'

testModel('push')
