/** Hubs and policies that are broken on purpose are found out, within a few hundred seeds. */
import { findBroken } from './find-broken-topics.js'
import { brokenHubs } from './topics-broken-hubs.js'
import { brokenPolicies } from './topics-broken-policies.js'

findBroken([...brokenHubs, ...brokenPolicies])
