/** Security: keys, allow lists, policies, the proof of identity, and the guard of a resource. `public.ts` is what users get. */
export type { Decision } from './admission.js'
export {
  type AdmittedKeys,
  type Allow,
  type AllowFunction,
  type AllowList,
  admittedKeys,
  type PeerIdentity,
} from './allow-list.js'
export { AllowListFile, allowListFile } from './allow-list-file.js'
export { FollowedFile } from './followed-file.js'
export { type GuardPorts, SecurityGuard } from './guard.js'
export { keyPairFromEnvironment, loadKeyPair, type SaveKeyPairOptions, saveKeyPair } from './key-file.js'
export { generateKeyPair, isKey, type KeyPair, keyFingerprint, publicKeyOf } from './key-pair.js'
export type { Policy, PolicyAction, PolicyFunction, PolicyRequest, PolicyRule } from './policy.js'
export { checkedPath } from './private-file.js'
export { type ProofTranscript, Prover, proofBytes } from './proof.js'
export { type RefusalCause, refusalError } from './refusal.js'
export { type ObservedEvent, type SecurityEvent, SecurityEvents } from './security-event.js'
export {
  checkServerKeys,
  type ResolvedSecurity,
  resolveSecurity,
  type SecurityOptions,
  type SecuritySides,
  securityRule,
} from './security-options.js'
export { z85Decode, z85Encode } from './z85.js'
