// Runs token-client.mjs against the published vectors and the common table of cases (clients/cases.json).
//
//   main.mjs --url URL --credentials FILE --vectors DIR --cases FILE [--server-keys FILE]
//
// It prints a line a check, and exits with 1 if one failed.

import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { checkCases } from './cases.mjs'
import { checkInputs } from './inputs.mjs'
import { checkVectors } from './vectors.mjs'
import { checkWire } from './wire.mjs'

const text = { type: 'string' }
const options = { url: text, credentials: text, vectors: text, cases: text }
const { values: given } = parseArgs({ options: { ...options, 'server-keys': text } })
const missing = Object.keys(options).filter((name) => !given[name])
if (missing.length > 0) {
  console.error(`--${missing[0]} is missing. Usage: check --url URL --credentials FILE --vectors DIR --cases FILE [--server-keys FILE]`)
  process.exit(2)
}

const tally = { passed: 0, failed: 0 }
const table = JSON.parse(readFileSync(given.cases, 'utf8'))
await checkVectors(check, given.vectors)
await checkInputs(check, given, table)
await checkCases(check, given, table)
await checkWire(check, given, table)
console.log(`${tally.passed} passed, ${tally.failed} failed`)
process.exit(tally.failed > 0 || tally.passed === 0 ? 1 : 0)

/** Runs one check: it holds unless it throws. */
async function check(name, body) {
  try {
    await body()
    tally.passed += 1
    console.log(`ok     ${name}`)
  } catch (error) {
    tally.failed += 1
    console.log(`FAILED ${name}\n       ${String(error.message).replaceAll('\n', '\n       ')}`)
  }
}
