// The client against docs/vectors.

import { strict as assert } from 'node:assert'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { base64url } from 'jose'
import { ResourceServer, isProved, newChallenge } from '../resource-server.mjs'
import {
  InputError, LEGACY_TOKEN_PATH, RefusedError, SdkKeyPair, TOKEN_PATH, TokenClient, UnreadableAnswerError,
} from '../token-client.mjs'
import { openToken } from './token.mjs'

// Faults of a request's header that only its reader, the service, has to find. JSON.parse takes the last of two members.
const FOR_THE_SERVICE = ['repeated-header-member']

export async function checkVectors(check, directory) {
  const formats = { request, answer, 'session-key': sessionKey, invalidation, renewal, introspection, token }
  for (const [format, body] of Object.entries(formats)) {
    const { vectors } = JSON.parse(readFileSync(join(directory, `${format}.json`), 'utf8'))
    for (const vector of vectors) {
      if (format === 'request' && FOR_THE_SERVICE.includes(vector.fault)) continue
      await check(`${format} vector ${vector.name}`, () => body(vector, vectors[0]))
    }
  }
}

async function request(vector) {
  const client = holderOf(vector)
  if (!vector.valid) return assert.rejects(client.decrypt(vector.jwe), InputError)
  assert.equal(await client.decrypt(vector.jwe), vector.plaintextUtf8)
  const sendKid = vector.headerUtf8.includes('"kid"')
  const sender = holderOf({ key: vector.key }, { sendKid })
  const sealed = await withIv(vector.ivBase64url, () => sender.encrypt(vector.plaintextUtf8))
  const usual = { alg: 'dir', enc: 'A256GCM', ...(sendKid && { kid: vector.key.kid }) }
  // Another header is there to be read, not to be written.
  if (vector.headerUtf8 === JSON.stringify(usual)) assert.equal(sealed, vector.jwe)
}

async function answer(vector) {
  const client = holderOf(vector, { attempts: 1 })
  const given = answering(vector, () => client.send(vector.expectedReferenceId, 'a body'))
  if (!vector.valid) {
    // What is not encrypted may still be read as a hint, if it is no success.
    const hint = (error) => error instanceof RefusedError && !error.authenticated && vector.httpStatus !== 200
    return assert.rejects(given, (error) => error instanceof UnreadableAnswerError || hint(error))
  }
  const said = JSON.parse(vector.plaintextUtf8)
  if (vector.httpStatus === 200) {
    const { token, serverPubKey, expireAt } = await given
    return assert.deepEqual([token, serverPubKey, expireAt.getTime()], [said.token, said.serverPubKey, said.expireAt])
  }
  const code = typeof said.resCode === 'number' ? `TOK${String(said.resCode).padStart(3, '0')}` : said.resCode
  await assert.rejects(given, (error) => {
    assert.ok(error instanceof RefusedError && error.authenticated, error.message)
    assert.deepEqual([error.status, error.code, error.errors], [vector.httpStatus, code, said.errors ?? []])
    return true
  })
}

async function sessionKey(vector) {
  const pair = await SdkKeyPair.fromJwk(vector.sdkPrivateKey)
  if (!vector.valid) return assert.rejects(pair.sessionKey(vector.serverPubKey), InputError)
  assert.equal(pair.publicKey, vector.sdkPublicKey)
  assert.equal(Buffer.from(await pair.sessionKey(vector.serverPubKey)).toString('hex'), vector.keyHex)
}

async function invalidation(vector) {
  const client = holderOf(vector, optionsOf(vector, vector.request))
  const { tokenReferenceId } = JSON.parse(vector.request.plaintextUtf8)
  const { outcome } = await exchange(vector, { tokenReferenceId }, () => client.invalidate(tokenReferenceId))
  if (vector.valid) assert.ok(outcome === null, String(outcome)) // a vector has no X-Request-Id
}

async function renewal(vector) {
  const { headers, sessionKeyHex } = vector
  const key = { kty: 'oct', kid: 'any', k: base64url.encode(Buffer.alloc(32)) }
  const client = holderOf({ key }, { ...optionsOf(vector, {}), sdkApiKey: headers['X-API-KEY'] })
  const said = JSON.parse(vector.answer.plaintextUtf8 ?? vector.answer.bodyUtf8)
  const last = { token: headers['X-API-TOKEN'] ?? 'any', referenceId: said.referenceId ?? 'any', serverPubKey: 'e30' }
  const renewed = () => client.renew(last, Buffer.from(sessionKeyHex, 'hex'), headers['X-ACCOUNT-NUMBER'] ?? '1')
  const { outcome, sent } = await exchange(vector, { token: last.token }, renewed)
  if (!vector.valid) return
  assert.deepEqual(sent.headers, { ...headers, 'Content-Type': 'text/plain' })
  assert.deepEqual([outcome.token, outcome.expireAt.getTime(), outcome.serverPubKey], [said.token, said.expireAt, 'e30'])
}

/** A call that the vector answers: a positive one is sent as the vector's, a negative one throws what its answer says. */
async function exchange(vector, members, call) {
  const { request, answer } = vector
  const sent = {}
  const iv = request.ivBase64url ?? 'A'.repeat(16)
  const outcome = await withIv(iv, () => answering(answer, call, sent)).catch((error) => error)
  if (!vector.valid) {
    const said = JSON.parse(answer.plaintextUtf8 ?? answer.bodyUtf8)
    assert.ok(outcome instanceof RefusedError, String(outcome?.stack ?? outcome))
    assert.deepEqual([outcome.status, outcome.code, outcome.errors], [answer.httpStatus, said.resCode, said.errors ?? []])
    assert.equal(outcome.authenticated, 'jwe' in answer)
    return {}
  }
  assert.ok(!(outcome instanceof Error), String(outcome?.stack))
  assert.ok(sent.url.endsWith(vector.path), sent.url)
  // Another header or another plaintext is there to be read, not to be written.
  const usualHeader = !vector.sessionKeyHex || !request.headerUtf8.includes('"kid"')
  if (usualHeader && request.plaintextUtf8 === JSON.stringify(members)) assert.equal(sent.body, request.jwe)
  return { outcome, sent }
}

async function introspection(vector) {
  const { resourceServerId, secretUtf8, answer, bodyUtf8 } = vector
  const server = new ResourceServer({ url: 'http://127.0.0.1:9/', resourceServerId, secret: secretUtf8 })
  const parameters = new URLSearchParams(bodyUtf8)
  const sent = {}
  const given = answering(answer, () => server.introspect(vector.valid ? parameters.get('token') : 'a token'), sent)
  const said = JSON.parse(answer.bodyUtf8)
  if (!vector.valid) return assert.rejects(given, new RegExp(`HTTP ${answer.httpStatus} "${said.error}"`))
  assert.deepEqual(await given, said.active ? said : null)
  assert.ok(sent.url.endsWith(`9${vector.path}`), sent.url)
  assert.equal(sent.headers.Authorization, vector.authorization)
  assert.deepEqual([...new URLSearchParams(sent.body)], [['token', parameters.get('token')]])
  if (!said.active) return
  const challenge = newChallenge()
  const proof = createHmac('sha256', Buffer.from(vector.sessionKeyHex, 'hex')).update(`here ${challenge}`).digest()
  assert.ok(isProved(said, 'here', challenge, proof))
  for (const wrong of [proof.subarray(1), Buffer.alloc(32), Buffer.alloc(0)]) {
    assert.ok(!isProved(said, 'here', challenge, wrong))
  }
}

function optionsOf({ path }, { headerUtf8 = '' }) {
  return { attempts: 1, path: path.includes('/v2/') ? TOKEN_PATH : LEGACY_TOKEN_PATH, sendKid: headerUtf8.includes('"kid"') }
}

async function token(vector, usual) {
  const opened = openToken(vector.jwe, vector.keys ?? [vector.key], vector, (vector.claims?.iat ?? usual.claims.iat) * 1000)
  if (!vector.valid) return assert.rejects(opened, (error) => !(error instanceof assert.AssertionError))
  assert.deepEqual(await opened, vector.claims)
  assert.equal(base64url.decode((await opened).cnf.jwk.k).length, 32)
}

function holderOf(vector, { sdkApiKey = 'vectors', ...options } = {}) {
  const keys = vector.keys ?? [vector.key]
  const credentials = { partnerId: 'vectors', apiKey: 'vectors', sdkApiKey, payloadKeys: { keys } }
  return new TokenClient(credentials, { url: 'http://127.0.0.1:9', ...options })
}

/** jose takes its IV from here; nothing else asks meanwhile. */
async function withIv(iv, body) {
  const real = crypto.getRandomValues
  crypto.getRandomValues = (array) => (array.set(base64url.decode(iv)), array)
  try {
    return await body()
  } finally {
    crypto.getRandomValues = real
  }
}

/** Answers the client's next call with a vector, and notes what was sent. */
async function answering({ jwe, bodyUtf8, httpStatus }, body, sent = {}) {
  const real = globalThis.fetch
  globalThis.fetch = async (url, options) => {
    Object.assign(sent, options, { url })
    return new Response(jwe ?? bodyUtf8, { status: httpStatus })
  }
  try {
    return await body()
  } finally {
    globalThis.fetch = real
  }
}
