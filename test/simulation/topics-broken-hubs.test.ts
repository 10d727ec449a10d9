/** Hubs that are broken on purpose are found out, within a few hundred seeds. */
import { findBroken } from './find-broken-topics.js'
import { brokenHubs } from './topics-broken-hubs.js'

findBroken(brokenHubs)
