/** Random sequences of calls of a subscriber keep what its model promises. */
import { testModel } from './model-test.js'

testModel('subscriber')
