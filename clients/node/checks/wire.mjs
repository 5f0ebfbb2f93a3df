// What goes over the wire, as somebody else's library sees it: here jose does everything, and token-client.mjs nothing.

import { strict as assert } from 'node:assert'
import { createCipheriv, randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { CompactEncrypt, base64url, compactDecrypt, exportJWK, generateKeyPair } from 'jose'
import { LEGACY_TOKEN_PATH, SdkKeyPair, TOKEN_PATH } from '../token-client.mjs'

export async function checkWire(check, given, { request }) {
  const { apiKey, sdkApiKey, payloadKeys } = JSON.parse(readFileSync(given.credentials, 'utf8'))
  const [key, older] = payloadKeys.keys
  const pair = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })
  const sdkPublicKey = base64url.encode(JSON.stringify(await exportJWK(pair.publicKey)))
  const members = { ...request, sdkApiKey, sdkPublicKey, referenceId: randomUUID() }
  const send = (method, path, body) => call(method, given.url + path, apiKey, body)
  let first

  await check('wire: an answer, its headers, its JWE header and its members', async () => {
    const answer = await send('POST', TOKEN_PATH, await seal(members, key, key.kid))
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['content-type'], 'text/plain')
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.ok(answer.headers['x-request-id'])
    const { header, message } = await open(answer.body, key)
    assert.deepEqual(header, { alg: 'dir', enc: 'A256GCM', kid: key.kid })
    assert.deepEqual(Object.keys(message), ['resCode', 'resDesc', 'referenceId', 'serverPubKey', 'token', 'expireAt'])
    assert.deepEqual([message.resCode, message.resDesc, message.referenceId], ['TOK200', 'SUCCESS', members.referenceId])
    first = message
  })

  await check('wire: a GET with a body, the older key and no kid', async () => {
    const answer = await send('GET', TOKEN_PATH, await seal(members, older))
    const { header, message } = await open(answer.body, older)
    assert.deepEqual(header, { alg: 'dir', enc: 'A256GCM' })
    assert.deepEqual(message, first)
  })

  await check('wire: the legacy path says 100', async () => {
    const { message } = await open((await send('POST', LEGACY_TOKEN_PATH, await seal(members, key))).body, key)
    assert.deepEqual(message, { ...first, resCode: 100 })
  })

  await check('wire: a refusal has no token', async () => {
    const { message } = await open((await send('POST', TOKEN_PATH, await seal({ ...members, accountNumber: '1' }, key))).body, key)
    assert.deepEqual(Object.keys(message), ['resCode', 'resDesc', 'referenceId', 'errors'])
  })

  await check('wire: a body under a stranger\'s key is refused in the clear', async () => {
    const answer = await send('POST', TOKEN_PATH, await seal(members, { k: base64url.encode(randomBytes(32)) }))
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.equal(JSON.parse(answer.body).resCode, 'TOK422')
  })

  await check("wire: jose's own ECDH-ES agrees with the session key", async () => {
    // Sealed with our session key, and with serverPubKey as epk, this is an ordinary ECDH-ES message to the SDK. jose
    // agrees and derives by itself; were its key another one, the tag would not verify.
    const epk = JSON.parse(new TextDecoder().decode(base64url.decode(first.serverPubKey)))
    assert.deepEqual(Object.keys(epk), ['kty', 'crv', 'x', 'y'])
    const ours = await SdkKeyPair.fromJwk(await exportJWK(pair.privateKey))
    const sessionKey = await ours.sessionKey(first.serverPubKey)
    const header = base64url.encode(JSON.stringify({ alg: 'ECDH-ES', enc: 'A256GCM', epk }))
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', sessionKey, iv).setAAD(Buffer.from(header))
    const ciphertext = Buffer.concat([cipher.update('for the SDK alone'), cipher.final()])
    const jwe = [header, '', ...[iv, ciphertext, cipher.getAuthTag()].map((part) => base64url.encode(part))].join('.')
    const { plaintext } = await compactDecrypt(jwe, pair.privateKey, { keyManagementAlgorithms: ['ECDH-ES'] })
    assert.equal(new TextDecoder().decode(plaintext), 'for the SDK alone')
  })
}

function seal(message, key, kid) {
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(message)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...(kid && { kid }) })
    .encrypt(base64url.decode(key.k))
}

async function open(jwe, key) {
  const { protectedHeader, plaintext } = await compactDecrypt(jwe, base64url.decode(key.k))
  return { header: protectedHeader, message: JSON.parse(new TextDecoder().decode(plaintext)) }
}

/** Node's own HTTP client: fetch cannot send a GET with a body. */
function call(method, url, apiKey, body) {
  const headers = { 'X-API-KEY': apiKey, 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, timeout: 30_000 }, async (response) => {
      const chunks = await response.toArray().catch(reject)
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks ?? []).toString() })
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer within 30 s')))
    sent.on('error', reject)
    sent.end(body)
  })
}
