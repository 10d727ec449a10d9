/** Random sequences of calls around hubs keep what their model promises. */
import { testModel } from './model-test.js'

testModel('hub', 60)
