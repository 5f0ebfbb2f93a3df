/** What becomes of a session after its first token: the SDK renews it, a resource server introspects it, the partner ends it. */

import { byId } from './dom.js'
import { seal } from './jose.js'
import { curl } from './request.js'

const HEADER = { alg: 'dir', enc: 'A256GCM' }

/** The session that a journey began, or null where the page has not its key or its token. */
export function sessionOf({ partner, referenceId, session, token, answer, key }) {
  if (!session?.encoded || !token?.claims) return null
  const { sub, iat } = token.claims
  const { token: text, expireAt } = answer.said
  return { partner, referenceId, key, sessionKey: session, token: text, account: sub, issuedAt: iat * 1000, expireAt, story: [`issued ${timeOf(iat * 1000)}`] }
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
  const now = Date.now()
  if (operation === 'Renew' && answer.said?.token) {
    const { token, expireAt } = answer.said
    return { ...session, token, issuedAt: now, expireAt, story: [...session.story, `renewed ${timeOf(now)}`] }
  }
  const isOver = ['revoked', 'expired', 'unknown'].includes(answer.errors[0]?.reason)
  if (session.isEnded || !(isOver || (operation === 'Invalidate' && answer.code === 'TOK200'))) return session
  return { ...session, isEnded: true, story: [...session.story, `ended ${timeOf(now)}`] }
}

const timeOf = (milliseconds) => new Date(milliseconds).toLocaleTimeString('en-GB')

let ticking

/** Shows its state and its token's life, or nothing without a session. The buttons stay, so that the focus does. */
export function showSession(session) {
  clearInterval(ticking)
  byId('session').hidden = !session
  if (!session) return
  const { isEnded = false, partner, referenceId, story } = session
  byId('session-state').textContent = isEnded ? 'ended' : 'active'
  byId('session-state').className = `badge ${isEnded ? 'bad' : 'good'}`
  byId('session-note').textContent = `${referenceId} of ${partner.partnerId}: ${story.join(', ')}. ${isEnded ? 'Renew or introspect it to see what is answered now.' : 'Renew its token as the SDK, introspect it as a resource server, log out as the partner\'s server.'}`
  byId('session-life').hidden = byId('session-bar').hidden = isEnded
  if (isEnded) return
  const tick = () => showLife(session)
  ticking = setInterval(tick, 250)
  tick()
}

/** What is left of the token's life; times in ms. */
function showLife({ issuedAt, expireAt }) {
  const left = Math.max(0, expireAt - Date.now())
  byId('session-left').textContent = left > 0 ? minutes(left) : 'expired'
  byId('session-until').textContent = left > 0 ? 'left of the token' : `since ${timeOf(expireAt)}. The SDK renews it, as long as its session lasts.`
  Object.assign(byId('session-bar'), { max: expireAt - issuedAt, value: left })
  if (left === 0) clearInterval(ticking)
}

function minutes(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (number) => String(number).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
