/** The error codes of TLS. `codes.ts` has all codes, these among them. */

/** The codes of certificates and handshakes. */
export const tlsEntries = {
  RIVULET_TLS_FILE: {
    retryable: false,
    meaning: 'A file with a certificate, a key or authorities for TLS cannot be used; the former content stays in use.',
    remedy:
      'Read the message and `cause`. Replace key and certificate together; others must not be able to read a key.',
  },
  RIVULET_CERTIFICATE_UNTRUSTED: {
    retryable: false,
    meaning: 'A certificate is not signed by an authority that the other side of the connection trusts.',
    remedy:
      'Give the side that refused it the right authority (`ca`, `caFile`), or the other side the right certificate.',
  },
  RIVULET_CERTIFICATE_SELF_SIGNED: {
    retryable: false,
    meaning: 'A certificate is signed with its own key and is not among the authorities that are trusted.',
    remedy: 'Have an authority sign it, or trust this one certificate: give it as `ca` or `caFile`.',
  },
  RIVULET_CERTIFICATE_EXPIRED: {
    retryable: false,
    meaning: 'A certificate is not valid any more, or not yet.',
    remedy: 'Renew the certificate, and compare the clocks of both machines.',
  },
  RIVULET_CERTIFICATE_NAME: {
    retryable: false,
    meaning: 'The certificate of the server is valid for other names than the one that this side connects to.',
    remedy: 'Connect to a name of the certificate, or say which one it has: `tls.servername`.',
  },
  RIVULET_CERTIFICATE_MISSING: {
    retryable: false,
    meaning: 'The listener requires a certificate of its clients, and this one presented none.',
    remedy: 'Give the client `cert` and `key`, or `certFile` and `keyFile`.',
  },
  RIVULET_CERTIFICATE_INVALID: {
    retryable: false,
    meaning: 'A certificate was refused for another reason: its purpose, its chain, its key, or a revocation.',
    remedy: 'Read the message; issue a certificate for this purpose.',
  },
  RIVULET_TLS_REFUSED: {
    retryable: false,
    meaning:
      'The peer ended a connection during the TLS handshake, or directly after it, without a reason: often it has refused the certificate of this side.',
    remedy: 'Look at the errors of the other side: the reason is there.',
  },
} as const
