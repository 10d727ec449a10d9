/** Random sequences of calls of publishers with history and their subscribers keep what their model promises. */
import { testModel } from './model-test.js'

testModel('history', 80)
