// SPDX-License-Identifier: MIT-0
/**
 * Asks the token service for tokens, and ends their sessions, on a partner's server.
 *
 * Copy this file. It needs Node.js 20 or newer and `npm install jose`, nothing else.
 *
 *     const client = await TokenClient.load('credentials.json', { url: 'https://api.example.com/prod' })
 *     const answer = await client.getToken({
 *       referenceId: id,            // yours: a UUID, stored before the call, so that a repeat gets the same token
 *       sdkPublicKey: fromTheSdk,   // as the app sent it
 *       accountNumber: '123123123', // digits in a string: a JavaScript number loses those beyond 15
 *     })
 *
 * Then give answer.serverPubKey and answer.token to the app. The other members are in docs/protocol.md. At logout:
 *
 *     await client.invalidate(id)
 *
 * A call encrypts with the first payload key of the credentials, opens the answer with any of them, and tries again by itself
 * where that can help. It throws errors of four types, each of which says what to do: InputError, RefusedError,
 * NoAnswerError and UnreadableAnswerError. `error.retryable` tells whether the same call may succeed later; make it with
 * the same referenceId.
 *
 * To rotate a payload key, put the new key first in the credentials file, once the operator says that the service has it,
 * and take the old one out when no call that used it is under way.
 */

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { CompactEncrypt, compactDecrypt, errors as joseErrors } from 'jose'

/** The path of Get Token below the service's URL. */
export const TOKEN_PATH = '/token-service/client/server/new/v2/token'
/** The first version's path, whose resCode is a number. What a call gives is the same on both. */
export const LEGACY_TOKEN_PATH = '/token-service/client/server/new/token'

/** Calls the service for one partner. Make one and keep it: calls may run at the same time. */
export class TokenClient {
  #url
  #apiKey
  #sdkApiKey
  #keys
  #options

  /**
   * Reads a credentials file.
   *
   * @param {string} file
   * @param {object} [options] as of the constructor
   */
  static async load(file, options) {
    try {
      // PowerShell and editors of Windows begin a file with a byte order mark.
      const text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '')
      return new TokenClient(parseObject(text, 'the credentials'), options)
    } catch (error) {
      throw new InputError(`${file}: ${error.message}`, { cause: error })
    }
  }

  /**
   * @param {object} credentials partnerId, apiKey, sdkApiKey, payloadKeys (a JWK Set, the newest key first), and url
   * @param {object} [options]
   * @param {string} [options.url] the service's, if it is not in the credentials
   * @param {string} [options.path] TOKEN_PATH
   * @param {boolean} [options.sendKid] name the key in the request: true. If not, the service tries each of yours
   * @param {number} [options.attempts] tries of a call: 4
   * @param {number} [options.timeoutSeconds] of a try: 30
   * @param {number} [options.maxPauseSeconds] the longest pause between two tries: 30. If the service asks for more, the
   *   call ends with its error
   * @throws {InputError} which names what is wrong with them, and shows no key
   */
  constructor(credentials, options = {}) {
    this.partnerId = visible(credentials.partnerId, 'partnerId')
    this.#apiKey = visible(credentials.apiKey, 'apiKey')
    this.#sdkApiKey = visible(credentials.sdkApiKey, 'sdkApiKey')
    this.#keys = payloadKeys(credentials.payloadKeys)
    this.#url = serviceUrl(options.url ?? credentials.url)
    this.#options = { path: TOKEN_PATH, sendKid: true, attempts: 4, timeoutSeconds: 30, maxPauseSeconds: 30, ...options }
  }

  /**
   * Asks for a token. Adds sdkApiKey from the credentials, and a random referenceId if there is none: give your own, so
   * that you can repeat the call after a crash. Members that are wrong are the service's to name, in a RefusedError. It
   * ignores those whose names it does not know: of a name that is probably misspelt, Node.js emits a warning.
   *
   * @param {object} members of the request
   * @returns {Promise<{token: string, serverPubKey: string, expireAt: Date, referenceId: string, replayed: boolean,
   *   requestId: string|null}>} token and serverPubKey are for the SDK, which renews the token before expireAt. replayed: an
   *   earlier call with this referenceId made this token. requestId is for the operator
   */
  async getToken(members) {
    const request = { sdkApiKey: this.#sdkApiKey, ...members, referenceId: members.referenceId ?? randomUUID() }
    const plaintext = JSON.stringify(request, refuseLostDigits)
    for (const name of Object.keys(request)) {
      if (meant(name)) process.emitWarning(`${JSON.stringify(name)} is ignored. Is ${meant(name)} meant? Names are compared exactly`)
    }
    // Encrypted anew for each try: every body has an IV of its own.
    return this.#retry({ referenceId: request.referenceId, members: request, body: () => this.encrypt(plaintext) })
  }

  /** getToken for a body that was encrypted before, as it is. */
  async send(referenceId, body) {
    return this.#retry({ referenceId, body: () => body })
  }

  /**
   * Ends the session that getToken began with this referenceId: at logout, or after a timeout of your own. Its token can
   * no longer be renewed, and resource servers learn that it is inactive. To invalidate again changes nothing.
   *
   * @param {string} referenceId
   * @returns {Promise<string|null>} the request's id, for the operator
   * @throws {RefusedError} TOK404 with the reason unknown if there is no such session: it has ended, or never was yours
   */
  async invalidate(referenceId) {
    const plaintext = JSON.stringify({ tokenReferenceId: referenceId })
    return this.#retry({ operation: 'server/invalidate', referenceId, body: () => this.encrypt(plaintext), read: invalidated })
  }

  /**
   * Renews a token as the SDK does: for tests without the app. All tries present one token, so that they get one new one.
   *
   * @param {object} answer of getToken, or of the renewal before
   * @param {Uint8Array} sessionKey of SdkKeyPair
   * @param {string} accountNumber the request's
   * @returns {Promise<object>} as of getToken: token and expireAt are new
   */
  async renew(answer, sessionKey, accountNumber) {
    const headers = {
      'X-API-KEY': this.#sdkApiKey,
      'X-API-TOKEN': visible(answer.token, 'token'),
      'X-ACCOUNT-NUMBER': visible(accountNumber, 'accountNumber'),
    }
    if (sessionKey?.length !== 32) throw new InputError('the session key must have 32 bytes')
    const keys = [{ secret: sessionKey }]
    const body = () => seal(JSON.stringify({ token: answer.token }), keys[0].secret)
    const read = (said, ...context) => tokenOf({ ...said, serverPubKey: answer.serverPubKey }, ...context)
    return this.#retry({ operation: 'app/renew', headers, keys, referenceId: answer.referenceId, body, read })
  }

  /** All tries have one referenceId, so that they have one effect however many of them reached the service. */
  async #retry(call) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#call(call, await call.body())
      } catch (error) {
        const asked = error.retryAfter ?? 0
        if (!error.retryable || attempt >= this.#options.attempts || asked > this.#options.maxPauseSeconds) throw error
        // Doubles from 0.2 s, half of it random, so that clients that failed together do not come back together.
        await sleep(1000 * (asked + 0.1 * 2 ** (attempt - 1) * (1 + Math.random())))
      }
    }
  }

  async #call(call, body) {
    const { operation = 'server/new', headers = { 'X-API-KEY': this.#apiKey } } = call
    try {
      // All paths are made alike, those of the first version too.
      const response = await fetch(this.#url + this.#options.path.replace('server/new', operation), {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'text/plain' },
        body,
        redirect: 'manual', // the API key must not follow one
        signal: AbortSignal.timeout(this.#options.timeoutSeconds * 1000),
      })
      return await this.#read(call, response, await response.text())
    } catch (error) {
      throw error instanceof TokenError ? error : new NoAnswerError(call.referenceId, error)
    }
  }

  /** Makes an answer or an error of what came. Only what one of the call's keys opens is the service's word. */
  async #read({ referenceId, members = {}, keys = this.#keys, read = tokenOf }, response, body) {
    const { status, headers } = response
    const context = { status, referenceId, requestId: headers.get('X-Request-Id') }
    const encrypted = status === 200 || body.startsWith('ey')
    let said = {}
    try {
      said = parseObject(encrypted ? await open(body, keys) : body, 'its text')
      if (encrypted && (said.referenceId ?? referenceId) !== referenceId) {
        throw new InputError('it is the answer to another referenceId: do not use it')
      }
    } catch (cause) {
      if (encrypted) throw new UnreadableAnswerError(context, cause)
    }
    const code = codeOf(said.resCode)
    if (!encrypted || code !== 'TOK200') {
      const seconds = headers.get('Retry-After')
      const retryAfter = /^\d{1,6}$/.test(seconds) ? Number(seconds) : 0
      const description = String(said.resDesc ?? '')
      const errors = [said.errors ?? []].flat().map((item) => ({ field: String(item?.field), reason: String(item?.reason) }))
      throw new RefusedError({ ...context, code, description, errors, retryAfter, authenticated: encrypted, members })
    }
    return read(said, context, headers.get('Idempotent-Replayed') === 'true')
  }

  /**
   * The body of a request: a text under the first payload key, as compact JWE (RFC 7516).
   *
   * @param {string} plaintext
   * @returns {Promise<string>}
   */
  async encrypt(plaintext) {
    const [{ kid, secret }] = this.#keys
    return seal(plaintext, secret, this.#options.sendKid ? kid : undefined)
  }

  /**
   * Opens an answer's body: with the payload key that it names, or, if it names none, with each in order.
   *
   * @param {string} jwe
   * @returns {Promise<string>}
   * @throws {InputError} which says why it cannot be opened
   */
  async decrypt(jwe) {
    return open(jwe, this.#keys)
  }
}

/** The SDK's key pair, fresh for each session: for tests without the app. In production it never leaves the device. */
export class SdkKeyPair {
  #privateKey
  /** The sdkPublicKey member of a request. */
  publicKey

  constructor(privateKey, { x, y }) {
    this.#privateKey = privateKey
    this.publicKey = Buffer.from(JSON.stringify({ kty: 'EC', crv: 'P-256', x, y })).toString('base64url')
  }

  static async generate() {
    const { privateKey, publicKey } = await subtle.generateKey(P256, false, ['deriveBits'])
    return new SdkKeyPair(privateKey, await subtle.exportKey('jwk', publicKey))
  }

  /** From a private JWK, such as a test's. */
  static async fromJwk(jwk) {
    return new SdkKeyPair(await subtle.importKey('jwk', jwk, P256, false, ['deriveBits']), jwk)
  }

  /**
   * Derives the 32 bytes that the SDK and the service share: ECDH-ES of RFC 7518 section 4.6.
   *
   * @param {string} serverPubKey of the answer
   * @returns {Promise<Uint8Array>}
   */
  async sessionKey(serverPubKey) {
    const jwk = parseObject(decode(serverPubKey, 'serverPubKey'), 'serverPubKey')
    const { kty, crv, x, y } = jwk
    if (kty !== 'EC' || crv !== 'P-256') throw new InputError("serverPubKey's kty and crv must be EC and P-256")
    if (decode(x, 'x of serverPubKey').length !== 32 || decode(y, 'y of serverPubKey').length !== 32) {
      throw new InputError("serverPubKey's x and y must be 43 base64url characters each, 32 bytes")
    }
    const theirs = await subtle.importKey('jwk', { kty, crv, x, y }, P256, false, []).catch((cause) => {
      throw new InputError("serverPubKey's x and y are no point of P-256", { cause })
    })
    const z = await subtle.deriveBits({ name: 'ECDH', public: theirs }, this.#privateKey, 256)
    // Concat KDF, one round: 1 || Z || length and name of the algorithm || no apu || no apv || 256 bits.
    const name = [...uint32(7), ...Buffer.from('A256GCM')]
    const input = [...uint32(1), ...new Uint8Array(z), ...name, ...uint32(0), ...uint32(0), ...uint32(256)]
    return new Uint8Array(await subtle.digest('SHA-256', Uint8Array.from(input)))
  }
}

// Errors

/** What all errors of this file have in common. */
export class TokenError extends Error {
  /** Whether the same call, with the same referenceId, may succeed later. */
  retryable = false

  constructor(message, options) {
    super(message, options)
    this.name = this.constructor.name
  }
}

/** A fault in the credentials, the URL or the request, found before anything was sent. The message says what to do. */
export class InputError extends TokenError {}

/** The service's answer if it is no success. */
export class RefusedError extends TokenError {
  constructor({ status, code, description, errors, referenceId, requestId, retryAfter, authenticated, members = {} }) {
    // Quoted, so that no line break gets from a stranger's answer into a log.
    const failing = errors
      .map(({ field, reason }) => `; ${JSON.stringify(field)}: ${JSON.stringify(reason)}${hint(field, members[field])}`)
      .join('')
    super(
      `the token service answered HTTP ${status} ${JSON.stringify(code)} ${JSON.stringify(description)}${failing}. ` +
        `${advice(status, code, errors[0]?.reason, description)} [referenceId ${referenceId}, request ${requestId}]`,
    )
    /** HTTP's. */
    this.status = status
    /** Such as TOK400; empty if API Gateway or a proxy answered instead of the service. */
    this.code = code
    /** For people. */
    this.description = description
    /** The members that failed, each with the rule that it broke: {field, reason}. */
    this.errors = errors
    /** The request's: repeat the call with it. */
    this.referenceId = referenceId
    /** For the operator. */
    this.requestId = requestId
    /** Seconds that the service asked to wait. */
    this.retryAfter = retryAfter
    /** It was encrypted. If not, anybody on the way could have written it: take it as a hint. */
    this.authenticated = authenticated
    this.retryable = RETRYABLE.includes(status)
  }
}

/** Nothing came back, or not all of it. The call may have had its effect all the same: repeat it with the same referenceId. */
export class NoAnswerError extends TokenError {
  constructor(referenceId, cause) {
    const reason = cause.cause?.message || cause.cause?.code || cause.message
    // OpenSSL's words end in a line break.
    super(`no answer from the token service: ${reason.replace(/\s+/g, ' ').trim()}. Try again with the same referenceId ${referenceId}`, { cause })
    this.referenceId = referenceId
    this.retryable = true
  }
}

/** What came is not, or not provably, the service's answer to this call. Do not use it. */
export class UnreadableAnswerError extends TokenError {
  constructor({ status, referenceId, requestId }, cause) {
    super(
      `the answer (HTTP ${status}) cannot be read: ${cause.message} [referenceId ${referenceId}, request ${requestId}]`,
      { cause },
    )
    this.status = status
    this.referenceId = referenceId
    this.requestId = requestId
    this.retryable = RETRYABLE.includes(status)
  }
}

function advice(status, code, reason, description) {
  if (RETRYABLE.includes(status)) return 'Try again later with the same referenceId'
  if (code === 'TOK002') {
    return (
      'Check apiKey in the credentials (for renew: sdkApiKey); if it was just issued, try again in a minute; ' +
      'else ask the operator'
    )
  }
  if (code === 'TOK422' && description.startsWith('The body is JSON')) {
    return "Send the compact JWE alone, as it is: neither the request's JSON nor JSON with the JWE in it"
  }
  if (code === 'TOK422') {
    return (
      'No payload key on file for you opens this body: check that the credentials are those of this URL, ' +
      'and that the service has the first key of payloadKeys (for renew: that the session key is the token\'s)'
    )
  }
  if (code === 'TOK400' && reason === undefined) {
    return 'Correct the JSON as a whole, of which no member is named: docs/errors.md (TOK400) has the usual causes'
  }
  if (code === 'TOK400') return 'Correct every member that is named'
  if (code === 'TOK004') return 'Check sdkApiKey in the credentials'
  if (code === 'TOK409' && reason === 'reused') return 'Another request had this referenceId: find out why before you take a new one'
  if (code === 'TOK409') return 'The token of this referenceId is no longer valid: ask again under a new referenceId'
  if (code === 'TOK401' && reason === 'superseded') return 'This token was renewed already: use the newest one of its session'
  if (code === 'TOK401') return 'This token cannot be renewed: get a new one under a new referenceId'
  if (code === 'TOK404' && reason === 'unknown') return 'There is nothing to invalidate: the session has ended, or never was yours'
  if (status === 413) return 'Send less data'
  if (code === 'TOK003') return 'Do not try again in a loop; report it with the request id'
  return `Check the URL: it ends before ${TOKEN_PATH}`
}

/** resCode is a number on LEGACY_TOKEN_PATH: 100 is TOK200, and 2 is TOK002. */
function codeOf(resCode) {
  if (resCode === 100) return 'TOK200'
  return typeof resCode === 'number' ? `TOK${String(resCode).padStart(3, '0')}` : String(resCode ?? '')
}

// What people write instead of what is meant

/** The members, each with other names that people have for it, without case and marks. */
const NAMES = `
referenceId refid refno
sdkPublicKey publickey
sdkApiKey sdkkey
accountNumber account accountid accountno accountnum accno
firstName givenname
lastName surname familyname
name fullname customername
email mail emailid emailaddress
isdCode isd countrycode dialcode
mobileNumber mobile mobileno phone phonenumber telephone
dob birthdate birthday dateofbirth
data
`
const LINES = NAMES.trim().split('\n').map((line) => line.split(' '))
const MEMBERS = ['firstname', 'lastname', ...LINES.map(([member]) => member)]
const PLAIN = new Map(LINES.flatMap((names) => names.map((name) => [name.toLowerCase(), names[0]])))

/** The member that an unknown name is probably a misspelling of. */
function meant(name) {
  const plain = name.toLowerCase().replaceAll('\u0131', 'i').replace(/[^\p{L}\p{N}]/gu, '')
  return MEMBERS.includes(name) ? undefined : PLAIN.get(plain)
}

/** The first character that cannot stand in a member, or the entry of data that breaks a rule. Never the value. */
function hint(name, value) {
  if (name === 'data') {
    const entry = Object.entries(value ?? {}).find(([, it]) => typeof it !== 'string' || [...it].length > 1024)
    return entry ? ` (${JSON.stringify(entry[0])} has no string of at most 1,024 characters)` : ''
  }
  if (typeof value !== 'string') return ''
  const isPhone = ['isdCode', 'mobileNumber'].includes(name)
  const isDigits = isPhone || ['accountNumber', 'dob'].includes(name)
  const isAscii = ['email', 'sdkApiKey', 'sdkPublicKey'].includes(name)
  const allowed = isDigits ? /[0-9]/ : name === 'referenceId' ? /[A-Za-z0-9._:-]/ : isAscii ? /[!-~]/ : /[^\p{Cc}]/u
  const at = [...value].findIndex((character, i) => !allowed.test(character) && !(isPhone && i === 0 && character === '+'))
  return at < 0 ? '' : ` (${codePoint([...value][at])} at character ${at + 1})`
}

function codePoint(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}

// Reading what came, and what people wrote

/** What getToken and renew give. */
function tokenOf({ referenceId, token, serverPubKey, expireAt }, context, replayed) {
  if (!referenceId || !token || !serverPubKey || !Number.isSafeInteger(expireAt)) {
    throw new UnreadableAnswerError(context, new InputError('it lacks referenceId, token, serverPubKey or expireAt'))
  }
  return { token, serverPubKey, expireAt: new Date(expireAt), referenceId, replayed, requestId: context.requestId }
}

/** What invalidate gives. getToken's answer to the same referenceId opens with the same key, and must not pass for it. */
function invalidated({ referenceId, token }, context) {
  if (!referenceId || token) throw new UnreadableAnswerError(context, new InputError('it is not the answer to an invalidation'))
  return context.requestId
}

function seal(plaintext, secret, kid) {
  return new CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...(kid !== undefined && { kid }) })
    .encrypt(secret)
}

async function open(jwe, all) {
  const kid = kidOf(jwe.trim())
  const keys = all.filter((key) => kid === undefined || key.kid === kid)
  if (keys.length === 0) {
    throw new InputError(`it is encrypted with the payload key ${JSON.stringify(kid)}, which the credentials do not have`)
  }
  for (const { secret } of keys) {
    try {
      const { plaintext } = await compactDecrypt(jwe.trim(), secret, ALGORITHMS)
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext)
    } catch (error) {
      if (!(error instanceof joseErrors.JWEDecryptionFailed)) throw new InputError(`it is no JWE: ${error.message}`)
    }
  }
  throw new InputError('the key does not open it: it was encrypted with another key, cut off, or changed on its way')
}

const { subtle } = globalThis.crypto
const P256 = { name: 'ECDH', namedCurve: 'P-256' }
const ALGORITHMS = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] }
const RETRYABLE = [429, 502, 503, 504]
const CURLY_QUOTES = /[“”„‟‘’‚‛«»]/
const QUOTES = new RegExp(`["']|${CURLY_QUOTES.source}`)

/** The key that a compact JWE names, if any. Checks its form, of which jose leaves some to the caller, with better words. */
function kidOf(jwe) {
  if (jwe === '') throw new InputError('it is empty')
  if (jwe.startsWith('{')) throw new InputError('it is plain JSON and not encrypted as a compact JWE: nothing vouches for it')
  if (jwe.startsWith('<')) throw new InputError("it is a web page and no JWE: is the URL the token service's?")
  if (QUOTES.test(jwe)) throw new InputError('it has quotes in it, straight or curly: give the JWE alone')
  const segments = jwe.split('.')
  if (segments.length !== 5) {
    throw new InputError(`it has ${segments.length} of the 5 segments of a compact JWE: is it cut off?`)
  }
  const names = ['its header', 'its encrypted key', 'its IV', 'its ciphertext', 'its tag']
  const [header, key, iv, , tag] = segments.map((segment, i) => decode(segment, names[i]))
  if (key.length !== 0 || iv.length !== 12 || tag.length !== 16) {
    throw new InputError(
      `its encrypted key, IV and tag have ${key.length}, ${iv.length} and ${tag.length} bytes instead of 0, 12 and 16`,
    )
  }
  if (header.length > 1024) throw new InputError('its header is longer than 1,024 bytes')
  const { alg, enc, kid, ...others } = parseObject(header, 'its header')
  if (alg !== 'dir' || enc !== 'A256GCM') throw new InputError('its header must say alg dir and enc A256GCM')
  if ('crit' in others || 'zip' in others) throw new InputError('its header has crit or zip, which are not supported')
  if (kid !== undefined && typeof kid !== 'string') throw new InputError("its header's kid is not a string")
  return kid
}

function payloadKeys(set) {
  if (!Array.isArray(set?.keys) || set.keys.length === 0) {
    throw new InputError('payloadKeys must be a JWK Set, {"keys":[...]}, of at least one key, the newest first')
  }
  return set.keys.map((jwk, i) => {
    const at = `payloadKeys.keys[${i}]`
    if (jwk?.kty !== 'oct') throw new InputError(`${at}.kty must be "oct"`)
    const kid = visible(jwk.kid, `${at}.kid`)
    if (set.keys.findIndex((other) => other?.kid === kid) < i) throw new InputError(`${at}.kid is that of another key too`)
    const fault = keyFault(jwk.k)
    if (fault) throw new InputError(`${at}.k (kid ${kid}) ${fault}`)
    return { kid, secret: decode(jwk.k, `${at}.k (kid ${kid})`) }
  })
}

/** What is wrong with the text of a payload key, without showing it. */
function keyFault(k) {
  if (typeof k !== 'string' || k === '') return "must be a string: the key's 32 bytes in base64url"
  if (QUOTES.test(k)) return 'has quotes in it, straight or curly, as from a document: copy the 43 characters between them'
  if (k.startsWith('-----BEGIN')) return "is PEM: write the key's 32 bytes in base64url"
  if (/\s/.test(k)) return 'has white space or a line break in it: it is 43 characters without any'
  if (/^[0-9a-f]{64}$/i.test(k)) return 'is hex: write the same 32 bytes in base64url, which takes 43 characters'
  if (/^[a-z0-9+/]+=*$/i.test(k) && /[+/=]/.test(k)) return 'is standard base64: for base64url write - for +, _ for /, and leave out ='
  if (k.length === 43) return null
  return (
    `has ${k.length} characters, some ${Math.floor((k.length * 6) / 8) * 8} bits: A256GCM needs 256 bits, ` +
    'which are 43 characters of base64url. Is it cut off, or not encoded?'
  )
}

/** A text of printable ASCII without spaces, as keys and names are. */
function visible(text, name) {
  if (typeof text !== 'string' || text === '') throw new InputError(`${name} is missing, or no string`)
  if (CURLY_QUOTES.test(text)) throw new InputError(`${name} has a curly quote in it, as from a document: copy what is between the quotes`)
  const at = [...text].findIndex((character) => !/[!-~]/.test(character))
  if (at < 0) return text
  throw new InputError(`${name} has the character ${codePoint([...text][at])} at position ${at + 1}, where only visible ASCII can stand`)
}

function serviceUrl(text) {
  if (!text) throw new InputError('there is no URL: give one in options.url, or put it into the credentials as url')
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url?.host || url.username || url.password || url.search || url.hash) {
    throw new InputError('the URL must be like https://api.example.com/prod')
  }
  if (url.pathname.includes('/token-service/')) {
    throw new InputError('the URL must end before /token-service/...: the client adds the path')
  }
  const here = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && here)) {
    throw new InputError('the URL must begin with https://, as your API key is sent there; http:// is for this machine only')
  }
  return text.replace(/\/+$/, '')
}

function refuseLostDigits(name, value) {
  if (typeof value === 'bigint') throw new InputError(`${name} is a BigInt, which JSON does not have: write it as a string`)
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new InputError(`${name} is a number of more than 15 digits, which JavaScript rounds: write it as a string`)
  }
  return value
}

/** JSON.parse's own message may quote the text around the fault, and with it a key. This one says where it is. */
function parseObject(text, what) {
  let value
  try {
    value = JSON.parse(typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text))
  } catch (error) {
    const at = Number(/at position (\d+)/.exec(error.message)?.[1] ?? firstNoToken(String(text)))
    const before = String(text).slice(0, at).split('\n')
    const curly = CURLY_QUOTES.test(String(text)[at] ?? '') ? ': a curly quote, as from a document, where a straight one (") is due' : ''
    throw new InputError(`${what} is not JSON: line ${before.length}, column ${before.at(-1).length + 1}${curly}`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new InputError(`${what} is not a JSON object`)
  return value
}

/** Where a text stops being made of JSON's tokens. */
function firstNoToken(text) {
  return /^(?:\s|[{}[\]:,]|"(?:[^"\\\n]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)*/.exec(text)[0].length
}

/** Canonical base64url without padding. Buffer alone takes anything. */
function decode(text, what) {
  const data = Buffer.from(String(text), 'base64url')
  if (data.toString('base64url') !== text) throw new InputError(`${what} is not base64url without padding: is it cut off, or changed?`)
  return new Uint8Array(data)
}

function uint32(number) {
  return [number >>> 24, number >>> 16, number >>> 8, number].map((byte) => byte & 0xff)
}
