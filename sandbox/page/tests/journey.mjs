/** A request from the form to the opened token, as a partner's engineer goes. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { PATIENCE, answerTo, onPage, openMore, plant, recentOf, region, requestId, stack, startSandbox, steps, stopSandbox, verdict } from './harness.mjs'

onPage('a token, step by step', {}, async (page) => {
  assert.match(await answerTo(page, '#send'), /HTTP 200 TOK200[\s\S]*A token was issued/)

  const request = JSON.parse(await region(page, 'The request in JSON'))
  const answer = JSON.parse(await region(page, 'The answer in JSON'))
  const claims = JSON.parse(await region(page, 'Claims of the token'))
  assert.equal(request.accountNumber, '123123123')
  assert.equal(answer.referenceId, request.referenceId)
  assert.equal(claims.sub, '123123123')
  assert.equal(claims.client_id, 'acme')
  assert.equal(await page.innerText('#session-key'), claims.cnf.jwk.k)
  assert.match(await steps(page), /✓ cnf holds the same session key as the SDK derived/)
  assert.doesNotMatch(await steps(page), /✗/)

  const segments = await Promise.all([1, 2, 3, 4, 5].map((i) => page.innerText(`pre .segment-${i}`)))
  assert.equal(segments.join('.'), await region(page, 'Body of the request'))
  assert.equal(segments[1], '')
  assert.match(await page.innerText('.legend'), /"kid":"acme-2026-11"[\s\S]*12 bytes[\s\S]*16 bytes/)

  const bytes = Number((await page.innerText('#item-size')).replace(/\D/g, ''))
  assert.ok(bytes > 300 && bytes <= 1024, `${bytes}`)
  const recent = await recentOf(page, await requestId(page))
  for (const expected of [/200 TOK200/, /Partner\s+acme/, /Replayed\s+no/, /Attempts\s+1 of the write/, /Event in\s+[\d,]+ bytes/, /ms of it in the function/]) {
    assert.match(recent, expected)
  }
  assert.match(recent, new RegExp(`Stored item\\s+${bytes} bytes, 1 write unit`))
})

onPage('two requests have two key pairs', {}, async (page) => {
  const keys = []
  for (let i = 0; i < 2; i += 1) {
    await answerTo(page, '#send')
    keys.push(JSON.parse(await region(page, 'The request in JSON')).sdkPublicKey, await page.innerText('#session-key'))
  }
  assert.equal(new Set(keys).size, 4)
})

onPage('the token ticks down and expires', {}, async (page) => {
  await page.clock.install()
  await page.selectOption('#partner', 'globex')
  await answerTo(page, '#send')
  const left = () => page.getByRole('timer').innerText()
  assert.match(await left(), /^(10:00|9:5\d)$/)
  await page.clock.fastForward('05:00')
  assert.match(await left(), /^(5:00|4:5\d)$/)
  await page.clock.fastForward('05:01')
  assert.equal(await left(), 'expired')
  assert.match(await page.innerText('#session'), /The SDK renews it, as long as its session lasts/)
})

onPage('the curl line gets the same token, and the list sees it', {}, async (page) => {
  await answerTo(page, '#send')
  const curl = await region(page, 'curl line')
  const token = JSON.parse(await region(page, 'The answer in JSON')).token

  const printed = execFileSync('sh', ['-c', curl], { encoding: 'utf8' })

  assert.match(printed, /^HTTP\/1.1 200/)
  assert.match(printed, /idempotent-replayed: true/i)
  const recent = await recentOf(page, /x-request-id: (\S+)/i.exec(printed)[1])
  assert.match(recent, /Replayed\s+yes/)
  assert.match(recent, /The same token again/)
  await answerTo(page, '#break-replay')
  assert.equal(JSON.parse(await region(page, 'The answer in JSON')).token, token)
})

onPage('every partner, key and path', {}, async (page) => {
  await page.selectOption('#key', 'acme-2026-05')
  await page.uncheck('#name-kid')
  await page.selectOption('#path', { index: 1 })
  assert.match(await answerTo(page, '#send'), /HTTP 200 TOK200/)
  assert.equal(JSON.parse(await region(page, 'The answer in JSON')).resCode, 100)
  assert.match(await steps(page), /Opened with the payload key acme-2026-05/)
  assert.doesNotMatch(await page.innerText('.legend'), /kid/)

  await page.selectOption('#partner', 'globex')
  await page.selectOption('#path', { index: 0 })
  assert.match(await answerTo(page, '#send'), /HTTP 200 TOK200/)
  await page.selectOption('#partner', 'initech')
  assert.match(await answerTo(page, '#send'), /HTTP 401 TOK002/)
})

onPage("a key of one's own", {}, async (page) => {
  const request = JSON.parse(readFileSync(new URL('../../../docs/vectors/request.json', import.meta.url), 'utf8')).vectors[0]
  await openMore(page)
  await page.fill('#member-sdkPublicKey', JSON.parse(request.plaintextUtf8).sdkPublicKey)
  assert.match(await answerTo(page, '#send'), /HTTP 200/)
  assert.match(await steps(page), /sdkPublicKey was yours, so that only you have its private key/)
})

onPage('a wrong key derivation is seen', {}, async (page, session) => {
  await plant(page, session, 'jose.js', '...uint32(256))', '...uint32(128))')
  await answerTo(page, '#send')
  assert.match(await page.innerText('#steps'), /✗ cnf holds another session key than the SDK derived/)
})

onPage('the sandbox goes away and comes back', { allowed: /ERR_CONNECTION|ERR_EMPTY|Failed to load/ }, async (page) => {
  await openMore(page)
  await page.fill('#member-name', 'Typed before')
  const { port } = new URL(stack.url)
  await stopSandbox()
  assert.match(await answerTo(page, '#send'), /Nothing came back[\s\S]*the sandbox is still running/)
  await page.getByText('The sandbox does not answer: is').waitFor()
  await startSandbox(port)
  await page.waitForFunction(() => document.getElementById('recent-state').textContent === '', undefined, { timeout: PATIENCE })
  assert.equal(await page.inputValue('#member-name'), 'Typed before')
  await page.click('#send')
  await page.getByRole('heading', { name: 'A token was issued' }).waitFor()
  assert.match(await verdict(page), /HTTP 200/)
})
