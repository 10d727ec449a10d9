/**
 * `rivulet/security`: keys, allow lists and policies of resources that talk encrypted, with peers that they admit.
 *
 * It loads neither ZeroMQ nor a store.
 *
 * @module rivulet/security
 */
export type {
  Allow,
  AllowFunction,
  AllowList,
  KeyPair,
  PeerIdentity,
  Policy,
  PolicyAction,
  PolicyFunction,
  PolicyRequest,
  PolicyRule,
  SaveKeyPairOptions,
  SecurityEvent,
  SecurityOptions,
} from './index.js'
export {
  allowListFile,
  generateKeyPair,
  keyFingerprint,
  keyPairFromEnvironment,
  loadKeyPair,
  publicKeyOf,
  saveKeyPair,
} from './index.js'
