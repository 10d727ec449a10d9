/** Random sequences of calls of directories and their hosts keep what their model promises. */
import { testModel } from './model-test.js'

testModel('directory', 60)
