/** One request from its text to its opened token: what a partner's server, the SDK and a resource server do, in order. */

import { codeOf } from './advice.js'
import { SdkKeyPair, encode, open, seal } from './jose.js'
import { readObject } from './json.js'
import { FRESH_KEY, NEW_UUID, PARTNERS_KEY } from './rules.js'

/**
 * Fills in and encrypts a request.
 *
 * @param {string} template the request's text
 * @param {object} setup {partner, key, nameKid, path}
 * @param {object} [twist] what is done otherwise, on purpose: apiKey, kid, secret (of the key), body (of the JWE and the
 *   plaintext), earlier (a journey whose plaintext is sent again)
 */
export async function prepare(template, { partner, key, nameKid, path }, twist = {}) {
  const sdk = twist.earlier?.sdk ?? (await SdkKeyPair.generate())
  const plaintext = twist.earlier?.plaintext ?? fillIn(template, sdk, partner)
  const kid = twist.kid ?? (nameKid ? key.kid : undefined)
  const header = { alg: 'dir', enc: 'A256GCM', ...(kid !== undefined && { kid }) }
  const jwe = await seal(plaintext, twist.secret ?? key.secret, header)
  const body = twist.body ? twist.body(jwe, plaintext) : jwe
  const headers = { 'X-API-KEY': twist.apiKey ?? partner.apiKey, 'Content-Type': 'text/plain' }
  // With a key of the person's own only they can derive the session key.
  const ours = plaintext.includes(sdk.publicKey)
  const keys = partner.payloadKeys.keys
  return { operation: 'GetToken', plaintext, referenceId: member(plaintext, 'referenceId'), body, headers, path, partner, key, keys, sdk: ours ? sdk : null, curl: curl(path, headers, body) }
}

/** Sends it, and gives it with what came back in `http`. @throws where nothing came back */
export async function send(prepared) {
  const started = performance.now()
  const response = await fetch(prepared.path, { method: 'POST', headers: prepared.headers, body: prepared.body, redirect: 'error' })
  const body = await response.text()
  const http = { status: response.status, headers: [...response.headers], body, milliseconds: performance.now() - started }
  return { ...prepared, http, replayed: response.headers.get('Idempotent-Replayed') === 'true' }
}

/**
 * Reads the answer with `keys`, or in the clear without any, and gives the journey with `answer`, `session` and `token`, as
 * far as it came.
 */
export async function read(sent, tokenKeys) {
  const { operation, http, keys } = sent
  const encrypted = keys !== null && (http.status === 200 || http.body.startsWith('ey'))
  const answer = { encrypted, code: '', errors: [] }
  try {
    if (encrypted) {
      const opened = await open(http.body, keys)
      Object.assign(answer, { text: opened.text, kid: opened.kid })
    } else {
      answer.text = http.body
    }
    const said = JSON.parse(answer.text)
    Object.assign(answer, { said, code: operation === 'Introspect' ? activity(said) : codeOf(said.resCode), errors: said.errors ?? [] })
  } catch (error) {
    answer.fault = error.message
  }
  const journey = { ...sent, answer }
  if (answer.code !== 'TOK200' || operation === 'Invalidate') return journey
  return { ...journey, session: sent.session ?? (await session(sent, answer.said)), token: await token(answer.said, tokenKeys) }
}

/** What introspection has in the place of a code; nothing, if API Gateway answered by itself. */
const activity = ({ active, error }) => error ?? new Map([[true, 'active'], [false, 'inactive']]).get(active) ?? ''

/** As the SDK: the session key from its private key and serverPubKey. */
async function session({ sdk }, { serverPubKey }) {
  if (!sdk) return { fault: 'sdkPublicKey was yours, so that only you have its private key' }
  try {
    const bytes = await sdk.sessionKey(serverPubKey)
    return { bytes, encoded: encode(bytes) }
  } catch (error) {
    return { fault: `serverPubKey cannot be used: ${error.message}` }
  }
}

/** As a resource server: the token's claims, the session key in them. */
async function token({ token }, tokenKeys) {
  try {
    const { text, header, kid } = await open(token, tokenKeys)
    const claims = JSON.parse(text)
    return { text, header, kid, claims, confirmed: claims.cnf?.jwk?.k }
  } catch (error) {
    return { fault: `the sandbox's token keys do not open it: ${error.message}` }
  }
}

function fillIn(template, sdk, partner) {
  return Object.entries({ [NEW_UUID]: crypto.randomUUID(), [FRESH_KEY]: sdk.publicKey, [PARTNERS_KEY]: partner.sdkApiKey }).reduce(
    (text, [placeholder, value]) => text.replaceAll(JSON.stringify(placeholder), () => JSON.stringify(value)),
    template,
  )
}

function member(json, name) {
  try {
    return readObject(json).members.get(name)?.value
  } catch {
    return undefined
  }
}

export function curl(path, headers, body) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`
  const each = Object.entries(headers).map(([name, value]) => ` -H ${quoted(`${name}: ${value}`)}`)
  return `curl -sS -i ${quoted(location.origin + path)}${each.join('')} --data-raw ${quoted(body)}`
}
