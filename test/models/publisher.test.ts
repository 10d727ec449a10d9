/** Random sequences of calls of a publisher keep what its model promises. */
import { testModel } from './model-test.js'

testModel('publisher')
