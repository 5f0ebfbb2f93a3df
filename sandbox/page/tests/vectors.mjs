/** The page's own modules against the contract's test vectors, outside of a browser. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { SdkKeyPair, concatKdf, hex, open } from '../jose.js'
import { JsonFault, readObject, write } from '../json.js'
import { faults } from '../rules.js'
import { KNOWN } from './contract.mjs'

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../../docs/vectors/${name}.json`, import.meta.url), 'utf8')).vectors

function fieldsAtFault(text) {
  try {
    return faults(readObject(text)).map(({ field }) => field)
  } catch (fault) {
    if (fault instanceof JsonFault) return fault.field ? [fault.field] : []
    throw fault
  }
}

test('members: the page finds the faults that the contract names, and no others', () => {
  let negative = 0
  for (const { name, valid, fields, plaintextUtf8 } of vectors('members')) {
    if (plaintextUtf8 === undefined) continue
    if (!valid) negative += 1
    // Members of other names are the sender's own data, which the service does not repeat.
    assert.deepEqual(fieldsAtFault(plaintextUtf8).filter((field) => KNOWN.has(field)).sort(), valid ? [] : [...fields].sort(), name)
  }
  assert.ok(negative > 50)
})

test('sdkPublicKey: every encoding and every fault, the curve included', () => {
  for (const { name, valid, sdkPublicKey } of vectors('sdk-public-key')) {
    const found = faults({ members: new Map([['sdkPublicKey', { kind: 'string', value: sdkPublicKey }]]) })
    assert.equal(!found.some(({ field }) => field === 'sdkPublicKey'), valid, name)
  }
})

test('session keys are those of the vectors, and a bad public key gives none', async () => {
  for (const { name, valid, sdkPrivateKey, serverPubKey, zHex, keyHex } of vectors('session-key')) {
    const algorithm = { name: 'ECDH', namedCurve: 'P-256' }
    const privateKey = await crypto.subtle.importKey('jwk', sdkPrivateKey, algorithm, false, ['deriveBits'])
    const key = new SdkKeyPair(privateKey, sdkPrivateKey).sessionKey(serverPubKey)
    if (!valid) {
      await assert.rejects(key, undefined, name)
      continue
    }
    assert.equal(hex(await key), keyHex, name)
    assert.equal(hex(await concatKdf(Uint8Array.from(Buffer.from(zHex, 'hex')))), keyHex, name)
  }
})

test('requests of the vectors are opened', async () => {
  const [{ jwe, key, plaintextUtf8 }] = vectors('request')
  assert.equal((await open(jwe, [key])).text, plaintextUtf8)
  await assert.rejects(open(jwe, [{ ...key, kid: 'another' }]), /none of the development keys/)
  await assert.rejects(open(jwe.replace('..', '.AA.'), [key]), /encrypted key/)
})

test('JSON is written as it was read', () => {
  const text = '{"b":12345678901234567890,"a":[1e3,null,{"é":"\\"\\u0000"}],"c":{}}'
  assert.equal(write(readObject(text)), text)
})
