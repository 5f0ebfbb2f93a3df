// The common table of cases, against the service. clients/cases.json says what each member means.

import { strict as assert } from 'node:assert'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  InputError, LEGACY_TOKEN_PATH, NoAnswerError, RefusedError, SdkKeyPair, TOKEN_PATH, TokenClient, UnreadableAnswerError,
} from '../token-client.mjs'
import { openToken } from './token.mjs'

const TYPES = { input: InputError, refused: RefusedError, 'no-answer': NoAnswerError, 'unreadable-answer': UnreadableAnswerError }

export async function checkCases(check, given, { request, cases }) {
  const credentials = JSON.parse(readFileSync(given.credentials, 'utf8'))
  const serverKeys = given['server-keys'] ? JSON.parse(readFileSync(given['server-keys'], 'utf8')) : null
  const run = { given, credentials, request, serverKeys, sdk: await SdkKeyPair.generate(), ids: new Map(), tokens: new Map() }
  for (const row of cases) {
    run.ids.set(row.name, row.referenceId ?? (row.sameReferenceId ? run.ids.get(row.sameReferenceId) : randomUUID()))
    await check(`case: ${row.name}`, () => checkCase(run, row))
  }
}

async function checkCase(run, row) {
  const { expect } = row
  const front = row.front && `${run.given.url}/front/${row.front.join('.')}/${randomUUID().replaceAll('-', '')}`
  const client = clientOf(run, row, row.url ?? front ?? run.given.url)
  const members = membersOf(run, row)
  const warned = []
  const note = ({ message }) => warned.push(message)
  process.on('warning', note)
  const started = performance.now()
  const outcome = await send(client, row, members, run).catch((error) => error)
  const seconds = (performance.now() - started) / 1000
  process.off('warning', note)
  assert.equal(warned.length, expect.warns?.length ?? 0, warned.join())
  for (const text of expect.warns ?? []) assert.ok(warned.join().includes(text), warned.join())

  if (expect.token) await checkToken(run, row, members, outcome)
  else if (expect.invalidated) assert.ok(typeof outcome === 'string' && outcome, String(outcome.stack ?? outcome))
  else checkError(expect, outcome, members)
  if (expect.calls) assert.equal((await (await fetch(front)).json()).calls, expect.calls, 'calls')
  if (expect.atLeastSeconds) assert.ok(seconds >= expect.atLeastSeconds, `took ${seconds} s`)
  if (expect.atMostSeconds) assert.ok(seconds <= expect.atMostSeconds, `took ${seconds} s`)
}

function clientOf(run, row, url) {
  const credentials = { ...run.credentials, ...row.credentials }
  if (row.keys) credentials.payloadKeys = { keys: row.keys.map((at) => run.credentials.payloadKeys.keys[at]) }
  const path = row.path === 'legacy' ? LEGACY_TOKEN_PATH : TOKEN_PATH
  return new TokenClient(credentials, { url, path, sendKid: row.kid ?? true })
}

function membersOf(run, row) {
  const usual = { ...run.request, referenceId: run.ids.get(row.name), sdkPublicKey: run.sdk.publicKey }
  return { ...usual, ...row.change, ...(row.filler && { filler: 'a'.repeat(row.filler) }) }
}

async function send(client, row, members, { credentials, sdk, tokens }) {
  if (row.call === 'invalidate') return client.invalidate(members.referenceId)
  if (row.call === 'renew') {
    const answer = tokens.get(row.sameReferenceId)
    const sessionKey = await sdk.sessionKey(answer.serverPubKey)
    return client.renew({ ...answer, token: row.change?.token ?? answer.token }, sessionKey, members.accountNumber)
  }
  if (!row.body) return client.getToken(members)
  const plaintext = JSON.stringify({ sdkApiKey: credentials.sdkApiKey, ...members })
  const jwe = await client.encrypt(plaintext)
  const at = Math.floor(jwe.length / 2)
  const bodies = {
    plain: plaintext,
    quoted: `"${jwe}"`,
    truncated: jwe.slice(0, -30),
    tampered: jwe.slice(0, at) + (jwe[at] === 'A' ? 'B' : 'A') + jwe.slice(at + 1),
  }
  return client.send(members.referenceId, bodies[row.body])
}

async function checkToken(run, row, members, answer) {
  assert.ok(answer.token, String(answer.message))
  assert.equal(answer.referenceId, members.referenceId)
  assert.equal(answer.replayed, row.expect.replayed, 'replayed')
  assert.ok(answer.requestId && answer.expireAt > new Date())
  const { referenceId, token, serverPubKey, expireAt } = answer
  const got = { referenceId, token, serverPubKey, expireAt }
  if (row.expect.sameTokenAs) assert.deepEqual(got, run.tokens.get(row.expect.sameTokenAs))
  else assert.ok([...run.tokens.values()].every((earlier) => earlier.token !== token), 'an earlier case got this token')
  run.tokens.set(row.name, got)

  const sessionKey = Buffer.from(await run.sdk.sessionKey(serverPubKey))
  assert.equal(sessionKey.length, 32)
  if (!run.serverKeys) return
  const claims = await openToken(token, run.serverKeys.token.keys, { issuer: 'token-service', audience: 'bankezy-sdk' })
  assert.deepEqual(
    [claims.sub, claims.client_id, claims.ref, claims.exp * 1000, claims.cnf.jwk.k],
    [members.accountNumber, run.credentials.partnerId, members.referenceId, expireAt.getTime(), sessionKey.toString('base64url')],
  )
}

function checkError(expect, error, members) {
  assert.ok(error instanceof TYPES[expect.error], `${expect.error} expected: ${error.stack ?? JSON.stringify(error)}`)
  for (const name of ['status', 'code', 'retryable', 'authenticated', 'retryAfter']) {
    if (name in expect) assert.equal(error[name], expect[name], `${name}: ${error.message}`)
  }
  assert.equal(error.referenceId, members.referenceId)
  for (const text of expect.mentions ?? []) assert.ok(error.message.includes(text), error.message)
  if (expect.fields) assert.deepEqual(error.errors.map(({ field }) => field).sort(), [...expect.fields].sort())
  if (expect.reasons) assert.deepEqual(error.errors.map(({ reason }) => reason), expect.reasons)
}
