// The client against docs/vectors.

import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { base64url } from 'jose'
import { InputError, RefusedError, SdkKeyPair, TokenClient, UnreadableAnswerError } from '../token-client.mjs'
import { openToken } from './token.mjs'

// Faults of a request's header that only its reader, the service, has to find. JSON.parse takes the last of two members.
const FOR_THE_SERVICE = ['repeated-header-member']

export async function checkVectors(check, directory) {
  const formats = { request, answer, 'session-key': sessionKey, token }
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

async function token(vector, usual) {
  const opened = openToken(vector.jwe, vector.keys ?? [vector.key], vector, (vector.claims?.iat ?? usual.claims.iat) * 1000)
  if (!vector.valid) return assert.rejects(opened, (error) => !(error instanceof assert.AssertionError))
  assert.deepEqual(await opened, vector.claims)
  assert.equal(base64url.decode((await opened).cnf.jwk.k).length, 32)
}

function holderOf(vector, options) {
  const keys = vector.keys ?? [vector.key]
  const credentials = { partnerId: 'vectors', apiKey: 'vectors', sdkApiKey: 'vectors', payloadKeys: { keys } }
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

/** Answers the client's next call with a vector. */
async function answering(vector, body) {
  const real = globalThis.fetch
  globalThis.fetch = async () => new Response(vector.jwe, { status: vector.httpStatus })
  try {
    return await body()
  } finally {
    globalThis.fetch = real
  }
}
