// What a resource server does with the token that an SDK presents. Then it makes the SDK prove that it holds the key in cnf.

import { base64url, decodeProtectedHeader, jwtDecrypt } from 'jose'

const isText = (value) => typeof value === 'string'
const isLike = (form) => (value) => isText(value) && form.test(value)
const CLAIMS = {
  iss: isText,
  aud: isText,
  sub: isLike(/^\d{1,19}$/),
  client_id: isLike(/^[\w.-]{1,64}$/),
  program_id: Number.isInteger,
  jti: isLike(/^[\w-]{21}[AQgw]$/),
  ref: isLike(/^[\w.:-]{1,64}$/),
  auth_time: Number.isInteger,
  iat: Number.isInteger,
  exp: Number.isInteger,
  cnf: (value) => typeof value === 'object',
}

/** The claims of a token, if one of the ring's keys, the one that it names, opens it. */
export async function openToken(token, ring, { issuer, audience }, now = Date.now()) {
  // jose compares typ without regard to case, and lets further members of the header pass.
  const { kid } = decodeProtectedHeader(token)
  const key = ring.find((candidate) => candidate.kid === kid)
  if (!key) throw new Error(`the token key ${JSON.stringify(kid)} is not known`)
  const header = base64url.encode(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid, typ: 'JWT' }))
  const [first, , iv, , tag] = token.split('.')
  if (first !== header) throw new Error('the header is not exactly alg, enc, kid and typ')
  if (base64url.decode(iv).length !== 12 || base64url.decode(tag).length !== 16) throw new Error('IV and tag are 12 and 16 bytes')
  const { payload } = await jwtDecrypt(token, base64url.decode(key.k), {
    keyManagementAlgorithms: ['dir'],
    contentEncryptionAlgorithms: ['A256GCM'],
    issuer,
    audience,
    requiredClaims: Object.keys(CLAIMS),
    currentDate: new Date(now),
  })
  const wrong = Object.entries(payload).find(([name, value]) => !CLAIMS[name]?.(value))
  if (wrong) throw new Error(`the claim ${wrong[0]} has another form, or is not one of a token`)
  const { kty, k } = payload.cnf?.jwk ?? {}
  if (kty !== 'oct' || base64url.decode(String(k)).length !== 32) throw new Error('cnf has no oct key of 32 bytes')
  return payload
}
