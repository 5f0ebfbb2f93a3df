// A compact JWE with alg dir and enc A256GCM (RFC 7516, RFC 7518 section 5.3) by CryptoJS alone: every Postman and every
// newman has it, while WebCrypto is missing from newman's sandbox and node:crypto from all. CryptoJS has AES-CTR but no GCM,
// so GHASH is here (NIST SP 800-38D). For trying the API: a client to build on is in clients/.
const { AES, HmacSHA256, SHA256, enc, mode, pad } = require('crypto-js')
const raw = { padding: pad.NoPadding }

// Bytes are hex strings.
const bytes = (hex) => enc.Hex.parse(hex)
const fromText = (text) => enc.Hex.stringify(enc.Utf8.parse(text))
const toText = (hex) => enc.Utf8.stringify(bytes(hex))
const toBase64url = (hex) => enc.Base64.stringify(bytes(hex)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const fromBase64url = (text) => {
    if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Error('not base64url')
    const hex = enc.Hex.stringify(enc.Base64.parse(text.replace(/-/g, '+').replace(/_/g, '/') + '='.repeat((4 - (text.length % 4)) % 4)))
    if (toBase64url(hex) !== text) throw new Error('not canonical base64url')
    return hex
}

const payloadKey = () => {
    const key = fromBase64url(pm.variables.get('payloadKey') || '')
    if (key.length !== 64) throw new Error('set payloadKey in the environment: base64url of 32 bytes')
    return key
}

const block = (key, hex) => enc.Hex.stringify(AES.encrypt(bytes(hex), bytes(key), { mode: mode.ECB, ...raw }).ciphertext)
const counter = (iv, first) => bytes(iv + first.toString(16).padStart(8, '0'))
// AES-CTR is its own inverse. GCM's text begins at counter 2; 1 is for the tag.
const ctr = (key, iv, hex) => enc.Hex.stringify(AES.encrypt(bytes(hex), bytes(key), { mode: mode.CTR, iv: counter(iv, 2), ...raw }).ciphertext)

const [ZERO, ONE, POLYNOMIAL] = [BigInt(0), BigInt(1), BigInt('0xe1') << BigInt(120)]
const multiply = (x, y) => {
    let product = ZERO
    for (const bit of x.toString(2).padStart(128, '0')) {
        if (bit === '1') product ^= y
        y = y & ONE ? (y >> ONE) ^ POLYNOMIAL : y >> ONE
    }
    return product
}
const tag = (key, iv, aad, ciphertext) => {
    const h = BigInt('0x' + block(key, '0'.repeat(32)))
    const padded = (hex) => hex + '0'.repeat((32 - (hex.length % 32)) % 32)
    const bits = (hex) => (hex.length * 4).toString(16).padStart(16, '0')
    const hashed = padded(aad) + padded(ciphertext) + bits(aad) + bits(ciphertext)
    const ghash = hashed.match(/.{32}/g).reduce((sum, part) => multiply(sum ^ BigInt('0x' + part), h), ZERO)
    const mask = BigInt('0x' + block(key, iv + '00000001'))
    return (ghash ^ mask).toString(16).padStart(32, '0')
}

// P-256, to agree with the service as the SDK does (RFC 7518 section 4.6): affine points, or null for the one at infinity.
const hexOf = (number) => number.toString(16).padStart(64, '0')
const numberOf = (text) => BigInt('0x' + fromBase64url(text))
const [TWO, THREE, P] = [BigInt(2), BigInt(3), BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff')]
const modulo = (number) => ((number % P) + P) % P
const inverse = (number) => {
    let [r, s, x, y] = [P, modulo(number), ZERO, ONE]
    while (s !== ZERO) [r, s, x, y] = [s, r % s, y, x - (r / s) * y]
    return x
}
const add = (a, b) => {
    if (a === null || b === null) return a || b
    if (a.x === b.x && a.y !== b.y) return null
    const slope = modulo(a.x === b.x ? (THREE * a.x * a.x - THREE) * inverse(TWO * a.y) : (b.y - a.y) * inverse(b.x - a.x))
    const x = modulo(slope * slope - a.x - b.x)
    return { x, y: modulo(slope * (a.x - x) - a.y) }
}
const agree = (d, point) => {
    let sum = null
    for (const bit of d.toString(2)) {
        sum = add(sum, sum)
        if (bit === '1') sum = add(sum, point)
    }
    return sum.x
}
// SHA-256(1 || Z || 7 || "A256GCM" || no apu || no apv || 256 bits)
const sessionKey = () => {
    const { x, y } = JSON.parse(toText(fromBase64url(pm.collectionVariables.get('serverPubKey') || '')))
    const z = agree(numberOf(pm.variables.get('sdkPrivateKey') || ''), { x: numberOf(x), y: numberOf(y) })
    return enc.Hex.stringify(SHA256(bytes('00000001' + hexOf(z) + '00000007' + fromText('A256GCM') + '000000000000000000000100')))
}

// What a request and its answer are sealed with: a renewal's is the session key, which has no kid.
const isRenewal = () => pm.request.url.getPath().includes('/app/renew/')
const sealingKey = () => (isRenewal() ? { key: sessionKey() } : { key: payloadKey(), kid: pm.variables.get('payloadKeyId') })

const seal = (plaintext) => {
    const { key, kid } = sealingKey()
    const header = toBase64url(fromText(JSON.stringify({ alg: 'dir', enc: 'A256GCM', ...(kid ? { kid } : {}) })))
    // GCM needs an IV that does not come twice under a key. What is random here is Math.random, so the time and the message
    // go into it too, under the key.
    const unique = [Date.now(), Math.random(), Math.random(), plaintext].join()
    const iv = enc.Hex.stringify(HmacSHA256(unique, bytes(key))).slice(0, 24)
    const ciphertext = ctr(key, iv, fromText(plaintext))
    return [header, '', ...[iv, ciphertext, tag(key, iv, fromText(header), ciphertext)].map(toBase64url)].join('.')
}

const open = (jwe) => {
    const [header, encryptedKey, ...rest] = jwe.split('.')
    const { alg, enc: encryption, kid } = JSON.parse(toText(fromBase64url(header)))
    if (alg !== 'dir' || encryption !== 'A256GCM' || encryptedKey !== '' || rest.length !== 3) throw new Error('not a JWE with dir and A256GCM')
    const sealing = sealingKey()
    if (kid !== undefined && kid !== sealing.kid) throw new Error(`sealed with another key: ${kid}`)
    const [iv, ciphertext, theirs] = rest.map(fromBase64url)
    if (iv.length !== 24 || tag(sealing.key, iv, fromText(header), ciphertext) !== theirs) throw new Error('the key does not open it')
    return toText(ctr(sealing.key, iv, ciphertext))
}
