// SPDX-License-Identifier: MIT-0
/**
 * What a resource server does with the token that an SDK presents: it asks the token service whether the token is active, and
 * makes the caller prove that it holds the token's session key.
 *
 * Copy this file. It needs Node.js 20 or newer, nothing else.
 *
 *     const server = new ResourceServer({ url: 'https://api.example.com/prod', resourceServerId, secret })
 *     const claims = await server.introspect(token) // null: refuse the caller
 *     const challenge = newChallenge()              // to the caller, which answers with a proof
 *     if (claims && isProved(claims, 'accounts.example.com', challenge, proof)) serve(claims.sub)
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const LONGEST_TOKEN = 4096

export class ResourceServer {
  #url
  #authorization

  /** @param {object} credentials url, resourceServerId and secret, as the operator gives them */
  constructor({ url, resourceServerId, secret }) {
    this.#url = `${url.replace(/\/+$/, '')}/token-service/introspect`
    // Both are form-encoded before they become Basic's (RFC 6749 section 2.3.1).
    const [id, password] = [resourceServerId, secret].map((text) => new URLSearchParams({ '': text }).toString().slice(1))
    this.#authorization = `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`
  }

  /**
   * The claims of a token, if it is active (RFC 7662).
   *
   * @param {string} token as the caller sent it
   * @returns {Promise<object|null>} null: it is no token, has expired, or its session has ended
   * @throws {Error} there is no answer: neither active nor inactive. Answer 503, and ask again for the next call
   */
  async introspect(token) {
    if (!token || token.length > LONGEST_TOKEN) return null
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { Authorization: this.#authorization },
      body: new URLSearchParams({ token }),
      redirect: 'error', // the secret must not follow one
      signal: AbortSignal.timeout(5000),
    })
    const said = await response.json().catch(() => ({}))
    if (response.status !== 200 || typeof said?.active !== 'boolean') {
      throw new Error(`the token service answered HTTP ${response.status} ${JSON.stringify(said?.error ?? '')}`)
    }
    return said.active ? said : null
  }
}

/** 32 random bytes, as text. Store it; use it for one proof, and for at most a minute. */
export function newChallenge() {
  return randomBytes(32).toString('base64url')
}

/**
 * Whether the caller holds the session key in these claims: its proof is HMAC-SHA256 of this server's name, a space and the
 * challenge. The name is in it, so that no other server can pass the challenge on and use the proof here.
 *
 * @param {object} claims of introspect
 * @param {string} server this server's name, which the SDK takes from its own settings
 * @param {string} challenge
 * @param {Uint8Array} proof
 */
export function isProved(claims, server, challenge, proof) {
  const key = Buffer.from(claims.cnf.jwk.k, 'base64url')
  const expected = createHmac('sha256', key).update(`${server} ${challenge}`).digest()
  return proof.length === expected.length && timingSafeEqual(proof, expected)
}
