/** Who may ask the page's server for what, asked as a stranger would: without a browser. */

import assert from 'node:assert/strict'
import { request } from 'node:http'
import test from 'node:test'
import { onPage, stack } from './harness.mjs'

/** Node's own client, as fetch would not send another Host or Origin. */
function ask(path, { method = 'GET', headers = {}, body = '' } = {}) {
  const { port } = new URL(stack.url)
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers: { 'Content-Length': Buffer.byteLength(body), ...headers } }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (data) => (text += data))
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }))
    })
    asked.on('error', reject).end(body)
  })
}

const json = { 'Content-Type': 'application/json' }
const outage = '{"service":"dynamodb","outage":"down"}'
const inForce = async () => JSON.parse((await ask('/sandbox/api/requests')).text).outages

test('a name that was rebound to this machine is refused, whatever it asks for', async () => {
  for (const Host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '0.0.0.0']) {
    for (const path of ['/sandbox/', '/sandbox', '/sandbox/main.js', '/sandbox/api/partners', '/sandbox/api/requests', '/sandbox/api/item?partner=a&reference=b']) {
      const { status, text } = await ask(path, { headers: { Host } })
      assert.equal(status, 421, `${Host} ${path}`)
      assert.match(text, /open the page by the URL that the sandbox printed/)
    }
    const own = { Host, Origin: `http://${Host}`, ...json }
    assert.equal((await ask('/sandbox/api/outage', { method: 'POST', headers: own, body: outage })).status, 421)
  }
})

test('localhost is this machine too', async () => {
  const { port } = new URL(stack.url)
  assert.equal((await ask('/sandbox/', { headers: { Host: `localhost:${port}` } })).status, 200)
})

test('nothing is changed for another page', async () => {
  const own = { Origin: stack.url }
  for (const [headers, status] of [
    [{ ...json, Origin: 'http://evil.example' }, 403],
    [{ ...json, Origin: 'http://127.0.0.1:1' }, 403],
    [{ ...json, Origin: 'null' }, 403],
    [json, 403],
    [{ ...own, 'Content-Type': 'text/plain' }, 415],
    [{ ...own, 'Content-Type': 'application/x-www-form-urlencoded' }, 415],
  ]) {
    for (const path of ['outage', 'lost-answer', 'cold-start']) {
      assert.equal((await ask(`/sandbox/api/${path}`, { method: 'POST', headers, body: outage })).status, status, JSON.stringify(headers))
    }
  }
  for (const method of ['GET', 'PUT', 'OPTIONS']) {
    const { status, headers } = await ask('/sandbox/api/outage', { method, headers: { ...own, ...json } })
    assert.equal(status, 405)
    assert.equal(headers['access-control-allow-origin'], undefined)
  }
  assert.deepEqual(await inForce(), { dynamodb: null, secretsManager: null })
})

test('a wrong body is told what is wrong with it', async () => {
  const headers = { ...json, Origin: stack.url }
  for (const [body, said] of [
    ['', /EOF/],
    ['{"service":"s3","outage":null}', /unknown variant `s3`, expected `dynamodb` or `secrets-manager`/],
    ['{"service":"dynamodb","outage":"fire"}', /unknown variant `fire`/],
    [`{"service":"${'x'.repeat(5000)}"}`, /at most 4096 bytes/],
  ]) {
    const answer = await ask('/sandbox/api/outage', { method: 'POST', headers, body })
    assert.equal(answer.status, 400)
    assert.match(JSON.parse(answer.text).error, said)
  }
  assert.match((await ask('/sandbox/api/item')).text, /the query must have partner/)
  assert.equal((await ask('/sandbox/nothing')).status, 404)
})

test('everything of the page is not stored and not framed, and has the policy', async () => {
  for (const path of ['/sandbox/', '/sandbox/main.js', '/sandbox/style.css', '/sandbox/api/requests', '/sandbox/nothing', '/sandbox']) {
    const { headers } = await ask(path)
    assert.equal(headers['cache-control'], 'no-store', path)
    assert.match(headers['content-security-policy'], /^default-src 'self';.*frame-ancestors 'none'/, path)
    assert.doesNotMatch(headers['content-security-policy'], /unsafe|\*/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
  }
})

test('every other path is the function’s', async () => {
  for (const [path, headers] of [['/', {}], ['/', { Accept: '*/*' }], ['/sandboxes', {}], ['/favicon.ico', { Accept: 'text/html' }]]) {
    const { status, text } = await ask(path, { headers })
    assert.equal(status, 404)
    assert.match(text, /"TOK404"/)
  }
  const visit = await ask('/', { headers: { Accept: 'text/html,*/*;q=0.8' } })
  assert.deepEqual([visit.status, visit.headers.location], [303, '/sandbox/'])
  assert.match((await ask('/', { method: 'POST', headers: { Accept: 'text/html' } })).text, /"TOK404"/)
})

onPage('the policy is in force', { allowed: /Content Security Policy|Trusted(HTML|Script)/ }, async (page) => {
  const outcome = await page.evaluate(async () => {
    const blocked = []
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => blocked.push(effectiveDirective))
    const script = document.createElement('script')
    let markup = 'allowed'
    try {
      document.body.lastElementChild.innerHTML = '<b>x</b>'
    } catch (error) {
      markup = error.name
    }
    try {
      script.textContent = 'window.ran = true'
    } catch {
      // Trusted Types forbid even to fill it in.
    }
    document.head.append(script)
    const style = document.createElement('style')
    style.textContent = 'body { outline: 99px solid }'
    document.head.append(style)
    const fetched = await fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.name)
    await new Promise((resolve) => setTimeout(resolve, 100))
    return { blocked, markup, fetched, ran: window.ran ?? false, outline: getComputedStyle(document.body).outlineWidth }
  })
  assert.equal(outcome.markup, 'TypeError')
  assert.equal(outcome.fetched, 'TypeError')
  assert.equal(outcome.ran, false)
  assert.notEqual(outcome.outline, '99px')
  assert.ok(outcome.blocked.includes('connect-src'), String(outcome.blocked))
  assert.ok(outcome.blocked.includes('style-src-elem'), String(outcome.blocked))
})
