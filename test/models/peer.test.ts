/** Random sequences of calls of peers keep what their model promises. */
import { testModel } from './model-test.js'

testModel('peer', 200)
