/** A session after its first token, as the SDK, a resource server and the partner's server go on with it. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { answerTo, onPage, openMore, recentOf, region, requestId, steps } from './harness.mjs'

const json = async (page, label) => JSON.parse(await region(page, label))
const state = (page) => page.innerText('#session-state')

onPage('a session from its token to its end', {}, async (page) => {
  assert.ok(await page.locator('#session').isHidden(), 'there is none before a token')
  await answerTo(page, '#send')
  const first = await json(page, 'Claims of the token')
  assert.equal(await state(page), 'active')

  assert.match(await answerTo(page, '#session-renew'), /HTTP 200 TOK200[\s\S]*The token was renewed/)
  const renewed = await json(page, 'Claims of the token')
  assert.notEqual(renewed.jti, first.jti)
  assert.deepEqual({ ...renewed, jti: first.jti, iat: first.iat, exp: first.exp }, first)
  assert.match(await steps(page), /Opened with the session key[\s\S]*✓ cnf holds the same session key as the SDK derived/)
  assert.match(await region(page, 'The stored item'), new RegExp(`"previousJti": {"S":"${first.jti}"}`))
  assert.match(await recentOf(page, await requestId(page)), /200 TOK200[\s\S]*The token was renewed/)
  assert.equal(await state(page), 'active')
  assert.match(await page.innerText('#session-note'), /of acme: issued \S+, renewed [\d:]{8}\./)

  assert.match(await answerTo(page, '#session-introspect'), /HTTP 200 active[\s\S]*The token is active/)
  assert.deepEqual(await json(page, 'The answer in JSON'), { active: true, ...renewed })
  assert.match(await steps(page), /Authorization of a resource server[\s\S]*✓ cnf holds the same session key/)
  assert.match(await recentOf(page, await requestId(page)), /Attempts\s+1 of the read/)

  assert.match(await answerTo(page, '#session-logout'), /HTTP 200 TOK200[\s\S]*The session was ended/)
  assert.match(await region(page, 'The stored item'), /"status": {"S":"REVOKED"}/)
  assert.equal(await state(page), 'ended')
  assert.match(await page.innerText('#session-note'), /issued \S+ renewed \S+ ended [\d:]{8}\./)
  assert.ok(await page.locator('#session-life').isHidden(), 'it has no life left to show')

  assert.match(await answerTo(page, '#session-renew'), /HTTP 401 TOK401[\s\S]*The session was ended[\s\S]*token revoked/)
  assert.match(await answerTo(page, '#session-introspect'), /HTTP 200 inactive[\s\S]*The token is not active/)
  assert.deepEqual(await json(page, 'The answer in JSON'), { active: false })
  assert.match(await answerTo(page, '#session-logout'), /HTTP 200 TOK200/)
  assert.doesNotMatch(await steps(page), /✗/)
  assert.match(await answerTo(page, '#break-replay'), /HTTP 409 TOK409[\s\S]*was revoked/)
})

onPage('a session of every partner, and one that the page has not the key of', {}, async (page) => {
  await page.selectOption('#partner', 'globex')
  await answerTo(page, '#send')
  assert.match(await answerTo(page, '#session-renew'), /HTTP 200 TOK200/)
  assert.match(await steps(page), /X-API-KEY of the SDK of globex/)
  assert.match(await page.innerText('#session-note'), /of globex/)
  const vector = JSON.parse(readFileSync(new URL('../../../docs/vectors/request.json', import.meta.url), 'utf8')).vectors[0]
  await openMore(page)
  await page.fill('#member-sdkPublicKey', JSON.parse(vector.plaintextUtf8).sdkPublicKey)
  assert.match(await answerTo(page, '#send'), /HTTP 200/)
  assert.ok(await page.locator('#session').isHidden())
})

onPage('an outage is no verdict on the token', {}, async (page) => {
  await answerTo(page, '#send')
  await page.selectOption('#outage-dynamodb', 'down')
  await page.locator('#outage-banner').waitFor()
  assert.match(await answerTo(page, '#session-introspect'), /HTTP 503 temporarily_unavailable[\s\S]*Do not take the token for active/)
  assert.match(await answerTo(page, '#session-renew'), /HTTP 503 TOK503/)
  await page.selectOption('#outage-dynamodb', '')
  await page.locator('#outage-banner').waitFor({ state: 'hidden' })
  assert.equal(await state(page), 'active')
  assert.match(await answerTo(page, '#session-renew'), /HTTP 200 TOK200/)
})
