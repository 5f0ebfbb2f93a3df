// What people get wrong, from the common table. Each error must name the fault and must not show a key.

import { strict as assert } from 'node:assert'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { InputError, TokenClient } from '../token-client.mjs'

export async function checkInputs(check, given, { inputs }) {
  const credentials = JSON.parse(readFileSync(given.credentials, 'utf8'))
  const folder = mkdtempSync(join(tmpdir(), 'token-client-'))
  const file = join(folder, 'credentials.json')
  for (const row of inputs) {
    const changed = { ...credentials, ...row.credentials }
    writeFileSync(file, row.credentialsText ?? JSON.stringify(changed))
    await check(`input: ${row.name}`, () => {
      const load = () => TokenClient.load(file, { url: row.url ?? 'https://api.example.com' })
      const used = row.open === undefined ? load() : load().then((client) => client.decrypt(row.open))
      return assert.rejects(used, (error) => {
        assert.ok(error instanceof InputError, String(error.stack))
        for (const text of row.mentions) {
          assert.ok(error.message.toLowerCase().includes(text.toLowerCase()), `does not mention ${text}: ${error.message}`)
        }
        assertNoKey(error, changed)
        return true
      })
    })
  }
  rmSync(folder, { recursive: true })

  await check('input: a client that is printed', () => {
    const client = new TokenClient(credentials, { url: 'https://api.example.com' })
    assertNoKey(client, credentials)
    assertNoKey(JSON.stringify(client), credentials)
  })
  await check('input: a number that JavaScript rounded', () => {
    const client = new TokenClient(credentials, { url: 'http://127.0.0.1:1' })
    return assert.rejects(client.getToken({ accountNumber: Number('9007199254740993') }), InputError)
  })
}

/** In whatever is printed of it: message, stack, cause and members. */
function assertNoKey(value, { apiKey, sdkApiKey, payloadKeys }) {
  const shown = inspect(value, { depth: 9, showHidden: true })
  const keys = [apiKey, sdkApiKey, ...(payloadKeys?.keys ?? []).map((key) => key.k)]
  for (const key of keys.filter(Boolean)) assert.ok(!shown.includes(key.slice(0, 20)), 'the error shows a key')
}
