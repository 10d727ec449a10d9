/** Machines of topics that are broken on purpose are found out, within a few hundred seeds. */
import { findBroken } from './find-broken-topics.js'
import { brokenTopics } from './topics-broken.js'

findBroken(brokenTopics)
