/**
 * Failures of TLS as errors of Rivulet: one code for each cause, on the side that refuses and on the side that is refused.
 *
 * The words of OpenSSL and Node are known here alone. A message names no content of certificates or keys.
 */
import { type ErrorCode, errnoOf, RivuletError } from '../errors/index.js'

/** Whose certificate was refused, for messages. */
type Side = 'peer' | 'own'

/** What OpenSSL finds wrong with a certificate (X509_verify_cert_error_string(3)); what is missing here is invalid for another reason. */
const verification: Readonly<Record<string, ErrorCode>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'RIVULET_CERTIFICATE_SELF_SIGNED',
  CERT_HAS_EXPIRED: 'RIVULET_CERTIFICATE_EXPIRED',
  CERT_NOT_YET_VALID: 'RIVULET_CERTIFICATE_EXPIRED',
  ERR_TLS_CERT_ALTNAME_INVALID: 'RIVULET_CERTIFICATE_NAME',
  HOSTNAME_MISMATCH: 'RIVULET_CERTIFICATE_NAME',
  SELF_SIGNED_CERT_IN_CHAIN: 'RIVULET_CERTIFICATE_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT: 'RIVULET_CERTIFICATE_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'RIVULET_CERTIFICATE_UNTRUSTED',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'RIVULET_CERTIFICATE_UNTRUSTED',
  CERT_SIGNATURE_FAILURE: 'RIVULET_CERTIFICATE_UNTRUSTED',
  CERT_UNTRUSTED: 'RIVULET_CERTIFICATE_UNTRUSTED',
  CERT_REVOKED: 'RIVULET_CERTIFICATE_INVALID',
  CERT_REJECTED: 'RIVULET_CERTIFICATE_INVALID',
  CERT_CHAIN_TOO_LONG: 'RIVULET_CERTIFICATE_INVALID',
  INVALID_CA: 'RIVULET_CERTIFICATE_INVALID',
  INVALID_PURPOSE: 'RIVULET_CERTIFICATE_INVALID',
  PATH_LENGTH_EXCEEDED: 'RIVULET_CERTIFICATE_INVALID',
}

/** The alerts of a peer that has refused the certificate of this side (RFC 8446 §6.2, RFC 5246 §7.2.2). */
const alerts: Readonly<Record<string, ErrorCode>> = {
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'RIVULET_CERTIFICATE_MISSING',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'RIVULET_CERTIFICATE_UNTRUSTED',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'RIVULET_CERTIFICATE_EXPIRED',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'RIVULET_CERTIFICATE_INVALID',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'RIVULET_CERTIFICATE_INVALID',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'RIVULET_CERTIFICATE_INVALID',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'RIVULET_CERTIFICATE_INVALID',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'RIVULET_TLS_REFUSED',
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: 'RIVULET_TLS_REFUSED',
}

/** One side speaks no TLS, or there is no version and no cipher that both speak. */
const mismatches: ReadonlySet<string> = new Set([
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_NO_SHARED_CIPHER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_WRONG_SSL_VERSION',
  'ERR_SSL_WRONG_VERSION_NUMBER',
])

const faults: Readonly<Partial<Record<ErrorCode, string>>> = {
  RIVULET_CERTIFICATE_SELF_SIGNED: 'is self-signed, and is not trusted',
  RIVULET_CERTIFICATE_EXPIRED: 'has expired, or is not valid yet',
  RIVULET_CERTIFICATE_NAME: 'is valid for other names than that of this endpoint',
  RIVULET_CERTIFICATE_UNTRUSTED: 'is signed by no trusted authority',
}

/**
 * The error for a connection on which TLS failed.
 *
 * @param refusal - What this side found wrong with the certificate of the peer: the word of OpenSSL; empty if nothing.
 */
export function tlsFailure(subject: string, cause: Error, refusal = ''): RivuletError {
  const word = refusal === '' ? errnoOf(cause) : refusal
  const found = verification[word] ?? (refusal === '' ? undefined : 'RIVULET_CERTIFICATE_INVALID')
  if (found !== undefined) return certificateError(subject, found, 'peer', word, cause)
  const alert = alerts[word]
  if (alert === 'RIVULET_CERTIFICATE_MISSING') {
    return new RivuletError(alert, `${subject}: the peer requires a certificate of this side`, { cause })
  }
  if (alert !== undefined && alert !== 'RIVULET_TLS_REFUSED') {
    return certificateError(subject, alert, 'own', word, cause)
  }
  if (word === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') {
    return new RivuletError('RIVULET_CERTIFICATE_MISSING', `${subject}: the peer presented no certificate`, { cause })
  }
  if (word === 'ERR_TLS_HANDSHAKE_TIMEOUT') {
    return new RivuletError('RIVULET_TIMEOUT', `${subject}: the TLS handshake was not done in time`, { cause })
  }
  if (mismatches.has(word)) {
    const message = `${subject}: the peer speaks no TLS, or no version or cipher that this side speaks (${word})`
    return new RivuletError('RIVULET_SECURITY_MISMATCH', message, { cause })
  }
  if (alert !== undefined || !word.startsWith('ERR_')) return tlsRefused(subject, word, cause)
  return new RivuletError('RIVULET_HANDSHAKE_FAILED', `${subject}: the TLS handshake failed (${word})`, { cause })
}

/** The error for a peer that ended a connection without a reason, where it may have refused this side. */
export function tlsRefused(subject: string, word: string, cause?: Error): RivuletError {
  const message = `${subject}: the peer ended the connection during the TLS handshake or directly after it (${word})`
  return new RivuletError('RIVULET_TLS_REFUSED', message, { cause })
}

/** Whether an error of an open connection is one of TLS. */
export function isTlsFailure(cause: Error): boolean {
  return errnoOf(cause).startsWith('ERR_SSL_')
}

function certificateError(subject: string, code: ErrorCode, side: Side, word: string, cause: Error): RivuletError {
  const whose = side === 'peer' ? 'the certificate of the peer' : 'the peer says that the certificate of this side'
  return new RivuletError(code, `${subject}: ${whose} ${faults[code] ?? 'cannot be used here'} (${word})`, { cause })
}
