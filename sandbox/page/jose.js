/**
 * The cryptography of the page, all of it WebCrypto: the compact JWE of the protocol (RFC 7516; alg dir, enc A256GCM), and
 * the session key as the SDK derives it (RFC 7518 section 4.6).
 */

const { subtle } = globalThis.crypto
const P256 = { name: 'ECDH', namedCurve: 'P-256' }
const SEGMENTS = ['protected header', 'encrypted key', 'IV', 'ciphertext', 'tag']

const utf8 = (text) => new TextEncoder().encode(text)
const fromUtf8 = (bytes) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

/** base64url without padding. */
export function encode(bytes) {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The bytes of canonical base64url, and so many of them. */
export function decode(text, length) {
  if (typeof text !== 'string' || !/^[A-Za-z0-9_-]*$/.test(text)) throw new Error('it is not base64url')
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
  if (encode(bytes) !== text) throw new Error('it is not canonical base64url')
  if (length !== undefined && bytes.length !== length) throw new Error(`it has ${bytes.length} bytes instead of ${length}`)
  return bytes
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Seals a text under 32 bytes. The AAD is the header as it is sent. */
export async function seal(text, secret, header) {
  const protectedHeader = encode(utf8(JSON.stringify(header)))
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const key = await subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt'])
  const aes = { name: 'AES-GCM', iv, additionalData: utf8(protectedHeader) }
  const sealed = new Uint8Array(await subtle.encrypt(aes, key, utf8(text)))
  return [protectedHeader, '', encode(iv), encode(sealed.slice(0, -16)), encode(sealed.slice(-16))].join('.')
}

/** The parts of a compact JWE, or an error that says what is wrong with its form. */
export function parts(jwe) {
  if (jwe.startsWith('{')) throw new Error('it begins with {, as JSON does')
  const segments = jwe.split('.')
  if (segments.length !== 5) throw new Error(`it has ${segments.length} of the 5 segments of a compact JWE`)
  const [head, encryptedKey, iv, ciphertext, tag] = segments.map((segment, i) => {
    try {
      return decode(segment)
    } catch (error) {
      throw new Error(`its ${SEGMENTS[i]}: ${error.message}`)
    }
  })
  if (encryptedKey.length !== 0) throw new Error('its encrypted key must be empty, as with alg dir there is none')
  if (iv.length !== 12 || tag.length !== 16) throw new Error('its IV must have 12 bytes and its tag 16')
  const header = JSON.parse(fromUtf8(head))
  if (header.alg !== 'dir' || header.enc !== 'A256GCM') throw new Error('its header must say alg dir, enc A256GCM')
  return { aad: utf8(segments[0]), header, headerText: fromUtf8(head), iv, ciphertext, tag }
}

/**
 * Opens a JWE with the key of a JWK Set that it names, or with the first that opens it if it names none.
 *
 * @returns {Promise<{text: string, header: object, kid: string}>}
 */
export async function open(jwe, keys) {
  const { aad, header, iv, ciphertext, tag } = parts(jwe)
  const candidates = keys.filter(({ kid }) => header.kid === undefined || header.kid === kid)
  if (candidates.length === 0) throw new Error(`it names the key ${JSON.stringify(header.kid)}, which is none of the development keys`)
  for (const { kid, k } of candidates) {
    const key = await subtle.importKey('raw', decode(k), 'AES-GCM', false, ['decrypt'])
    try {
      const aes = { name: 'AES-GCM', iv, additionalData: aad }
      const opened = await subtle.decrypt(aes, key, Uint8Array.of(...ciphertext, ...tag))
      return { text: fromUtf8(new Uint8Array(opened)), header, kid }
    } catch (error) {
      if (error.name !== 'OperationError') throw error
    }
  }
  throw new Error('no key opens it')
}

/** The SDK's side of one token. The private key cannot be exported, and is gone with the page. */
export class SdkKeyPair {
  #privateKey

  constructor(privateKey, { x, y }) {
    this.#privateKey = privateKey
    /** The sdkPublicKey of a request. */
    this.publicKey = encode(utf8(JSON.stringify({ kty: 'EC', crv: 'P-256', x, y })))
  }

  static async generate() {
    const pair = await subtle.generateKey(P256, false, ['deriveBits'])
    return new SdkKeyPair(pair.privateKey, await subtle.exportKey('jwk', pair.publicKey))
  }

  /** The 32 bytes that this side and the service's share. */
  async sessionKey(serverPubKey) {
    const { kty, crv, x, y } = JSON.parse(fromUtf8(decode(serverPubKey)))
    // Some importKey take coordinates that are too short.
    for (const coordinate of [x, y]) decode(coordinate, 32)
    const theirs = await subtle.importKey('jwk', { kty, crv, x, y }, P256, false, [])
    const z = await subtle.deriveBits({ name: 'ECDH', public: theirs }, this.#privateKey, 256)
    return concatKdf(new Uint8Array(z))
  }
}

/** SHA-256(1 || Z || 7 || "A256GCM" || 0 || 0 || 256): one round, no apu, no apv, numbers in 32 bits. */
export async function concatKdf(z) {
  const algorithm = [...uint32(7), ...utf8('A256GCM')]
  const input = Uint8Array.of(...uint32(1), ...z, ...algorithm, ...uint32(0), ...uint32(0), ...uint32(256))
  return new Uint8Array(await subtle.digest('SHA-256', input))
}

function uint32(number) {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}
