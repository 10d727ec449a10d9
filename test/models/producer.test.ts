/** Random sequences of calls of a producer keep what its model promises. */
import { testModel } from './model-test.js'

testModel('producer', 60)
