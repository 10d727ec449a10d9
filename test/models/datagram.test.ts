/** Random sequences of calls on sockets of datagrams keep what their model promises. */
import { testModel } from './model-test.js'

testModel('datagram', 200)
