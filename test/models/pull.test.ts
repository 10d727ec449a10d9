/** Random sequences of calls of a pull keep what its model promises. */
import { testModel } from './model-test.js'

testModel('pull')
