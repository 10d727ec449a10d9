/** Random sequences of calls of streams with `conflateBy` keep what their model promises. */
import { testModel } from './model-test.js'

testModel('conflate-by', 120)
