/** Every button that breaks something: what the service answers, and what the page says about it. */

import assert from 'node:assert/strict'
import { answerTo, onPage, openMore, recentOf, region, requestId, steps } from './harness.mjs'

/** Button, status and code, title, whether the answer is encrypted, and what else must be on the page. */
const BREAKS = [
  ['wrong-api-key', 'HTTP 401 TOK002', 'The API key is not accepted', false, /X-API-KEY of nobody/i],
  ['disabled-partner', 'HTTP 401 TOK002', 'The API key is not accepted', false, /initech/],
  ['wrong-sdk-api-key', 'HTTP 401 TOK004', 'sdkApiKey is not yours', true, /NOT-YOURS/],
  ['wrong-key', 'HTTP 400 TOK422', 'The body cannot be opened', false, /"kid":"acme-2026-11"/],
  ['unknown-kid', 'HTTP 400 TOK422', 'The body cannot be opened', false, /acme-1999-01/],
  ['flipped-byte', 'HTTP 400 TOK422', 'The body cannot be opened', false, /One bit of the ciphertext/],
  ['truncated', 'HTTP 400 TOK422', 'The body cannot be opened', false, /of the 5 segments/],
  ['plain-json', 'HTTP 400 TOK422', 'The body is JSON', false, /The body is JSON: send the compact JWE alone, five segments between dots/],
  ['bad-date', 'HTTP 400 TOK400', 'Members are missing or break a rule', true, /dob must be a real date from 1900-01-01 to today/],
  ['replay', 'HTTP 200 TOK200', 'The same token again', true, /idempotent-replayed: true/],
  ['conflict', 'HTTP 409 TOK409', 'The referenceId was used for another request', true, /referenceId reused/],
  ['dynamodb-down', 'HTTP 503 TOK503', 'Not available for now', true, /retry-after: 1/],
  ['dynamodb-throttling', 'HTTP 503 TOK503', 'Not available for now', true, /retry-after: 1/],
  ['dynamodb-stalling', 'HTTP 503 TOK503', 'Not available for now', true, /retry-after: 1/],
  ['lost-answer', 'HTTP 200 TOK200', 'A token was issued', true, /no replay/],
  ['secrets-down', 'HTTP 200 TOK200', 'A token was issued', true, /A function that is warm has its secrets/],
  ['secrets-down-cold', 'HTTP 503 TOK503', 'Not available for now', false, /retry-after: \d+/],
]

for (const [id, code, title, encrypted, expected] of BREAKS) {
  onPage(`break ${id}`, {}, async (page) => {
    const said = await answerTo(page, `#break-${id}`)

    for (const part of [code, title, 'What was done: ', 'What to do: ', 'Notice: ']) assert.ok(said.includes(part), `${part}\n${said}`)
    assert.match(`${said}\n${await steps(page)}`, expected)
    const inTheClear = await page.getByText('In the clear, as the request was not decrypted').count()
    assert.equal(inTheClear, encrypted ? 0 : 1)
    await page.locator('#outage-banner').waitFor({ state: 'hidden' })
    // What was broken is whole again.
    assert.match(await answerTo(page, '#send'), /HTTP 200 TOK200/)
  })
}

onPage('JSON that was not encrypted is called that, and no broken JWE', {}, async (page) => {
  const said = await answerTo(page, '#break-plain-json')
  assert.doesNotMatch(said, /one answer for every cause/)
  const shown = await steps(page)
  assert.match(shown, /JSON of \d+ bytes, not encrypted/)
  assert.doesNotMatch(shown, /of the 5 segments/)
  assert.match(await recentOf(page, await requestId(page)), /The body is JSON/)
}, [
  ['its reason is not told', 'steps.js', '/^The body is (JSON)/', '/^The body was (JSON)/'],
  ['the dots of its e-mail address are counted', 'steps.js', "body.trimStart().startsWith('{')", 'false'],
  ['the list does not know its cause', 'recent.js', '(?<=the body is )JSON', '(?<=the body was )JSON'],
])

onPage('every button is tested here', {}, async (page) => {
  const buttons = await page.locator('#breaks button').evaluateAll((all) => all.map(({ id }) => id.replace('break-', '')))
  assert.deepEqual(buttons.sort(), BREAKS.map(([id]) => id).sort())
})

onPage('a replay has the same token and session key', {}, async (page) => {
  await answerTo(page, '#send')
  const first = [await region(page, 'Claims of the token'), await page.innerText('#session-key'), await region(page, 'Body of the request')]
  await answerTo(page, '#break-replay')
  const second = [await region(page, 'Claims of the token'), await page.innerText('#session-key'), await region(page, 'Body of the request')]
  assert.deepEqual(second.slice(0, 2), first.slice(0, 2))
  assert.notEqual(second[2], first[2], 'encrypted anew')
})

onPage('a lost answer takes two attempts, as the list says', {}, async (page) => {
  await answerTo(page, '#break-lost-answer')
  const recent = await recentOf(page, await requestId(page))
  assert.match(recent, /Attempts\s+2 of the write/)
  assert.match(recent, /Replayed\s+no/)
})

onPage('a cause is told in the list only', {}, async (page) => {
  await answerTo(page, '#break-flipped-byte')
  assert.match(await recentOf(page, await requestId(page)), /Cause\s+\S+/)
})

onPage('with a request that has faults, a sample is broken', {}, async (page) => {
  await page.fill('#member-accountNumber', 'none')
  await openMore(page)
  await page.fill('#member-dob', '31.12.1999')
  assert.match(await answerTo(page, '#break-wrong-sdk-api-key'), /TOK004/)
  assert.equal(await page.inputValue('#member-accountNumber'), 'none')
  await page.check('#mode-json')
  await page.fill('#json', '{"accountNumber": 00')
  assert.match(await answerTo(page, '#break-replay'), /The same token again/)
  assert.equal(await page.inputValue('#json'), '{"accountNumber": 00')
})

onPage('digits of raw JSON are broken as they stand', {}, async (page) => {
  await page.check('#mode-json')
  await page.fill('#json', '{"accountNumber": 1234567890123456789, "isdCode": 91}')
  assert.match(await answerTo(page, '#break-conflict'), /TOK409/)
  assert.match(await answerTo(page, '#break-replay'), /The same token again/)
  assert.equal(JSON.parse(await region(page, 'Claims of the token')).sub, '1234567890123456789')
})

onPage('an outage lasts until it is ended', {}, async (page) => {
  await page.selectOption('#outage-dynamodb', 'throttling')
  await page.getByText('On purpose: DynamoDB throttles.').waitFor()
  assert.match(await answerTo(page, '#send'), /TOK503/)
  // A button with an outage of its own gives back the one that lasts.
  assert.match(await answerTo(page, '#break-dynamodb-down'), /TOK503/)
  await page.getByText('On purpose: DynamoDB throttles.').waitFor()
  await page.reload()
  await page.getByText('On purpose: DynamoDB throttles.').waitFor()
  await page.selectOption('#outage-dynamodb', '')
  await page.locator('#outage-banner').waitFor({ state: 'hidden' })
  await page.click('#cold-start')
  await page.getByText('The next request meets a cold start').waitFor()
  assert.match(await answerTo(page, '#send'), /HTTP 200/)
})
