/** What becomes of a session after its first token: the SDK renews it, a resource server introspects it, the partner ends it. */

import { byId } from './dom.js'
import { seal } from './jose.js'
import { curl } from './request.js'

const HEADER = { alg: 'dir', enc: 'A256GCM' }

/** The session that a journey began, or null where the page has not its key or its token. */
export function sessionOf({ partner, referenceId, session, token, answer, key }) {
  if (!session?.encoded || !token?.claims) return null
  return { partner, referenceId, key, sessionKey: session, token: answer.said.token, account: token.claims.sub, state: 'active' }
}

/** As the SDK: a new token for the current one, which the session key proves to be its own. */
export async function renewal({ partner, referenceId, sessionKey, token, account }, { renew }) {
  const plaintext = JSON.stringify({ token })
  const headers = { 'X-API-KEY': partner.sdkApiKey, 'X-API-TOKEN': token, 'X-ACCOUNT-NUMBER': account, 'Content-Type': 'text/plain' }
  const body = await seal(plaintext, sessionKey.bytes, HEADER)
  const keys = [{ kid: 'of the session', k: sessionKey.encoded }]
  return sendable({ operation: 'Renew', path: renew, headers, body, plaintext, keys, partner, referenceId, session: sessionKey })
}

/** As the partner's server: the end of the session. */
export async function invalidation({ partner, referenceId, key }, { invalidate }) {
  const plaintext = JSON.stringify({ tokenReferenceId: referenceId })
  const headers = { 'X-API-KEY': partner.apiKey, 'Content-Type': 'text/plain' }
  const body = await seal(plaintext, key.secret, { ...HEADER, kid: key.kid })
  return sendable({ operation: 'Invalidate', path: invalidate, headers, body, plaintext, keys: partner.payloadKeys.keys, partner, referenceId })
}

/** As a resource server: whether the token is good. Nothing of it is a JWE but the token. */
export function introspection({ partner, referenceId, sessionKey, token }, { introspect }, { id, secret }) {
  const headers = { Authorization: `Basic ${btoa(`${id}:${secret}`)}`, 'Content-Type': 'application/x-www-form-urlencoded' }
  const body = String(new URLSearchParams({ token }))
  return sendable({ operation: 'Introspect', path: introspect, headers, body, keys: null, partner, referenceId, session: sessionKey })
}

const sendable = (request) => ({ ...request, curl: curl(request.path, request.headers, request.body) })

/** The session after an answer. */
export function after(session, { operation, answer }) {
  if (operation === 'Renew' && answer.said?.token) return { ...session, token: answer.said.token, state: 'renewed' }
  const isOver = ['revoked', 'expired', 'unknown'].includes(answer.errors[0]?.reason)
  if (isOver || (operation === 'Invalidate' && answer.code === 'TOK200')) return { ...session, state: 'ended' }
  return session
}

/** Shows its state, or nothing without a session. The buttons stay, so that the focus does. */
export function showSession(session) {
  byId('session').hidden = !session
  if (!session) return
  const isEnded = session.state === 'ended'
  byId('session-state').textContent = session.state
  byId('session-state').className = `badge ${isEnded ? 'bad' : 'good'}`
  byId('session-note').textContent = `${session.referenceId} of ${session.partner.partnerId}. ${isEnded ? 'Renew or introspect it to see what is answered now.' : 'Go on with its current token:'}`
}
