/** The members of a request, as docs/protocol.md's table names them. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const HEAD = '| member | need | accepted, and what it becomes |'
const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')
const rows = page.split(`\n${HEAD}\n`)[1].split('\n\n')[0].split('\n').slice(1)
const spellings = rows.map((row) => [...row.split('|')[1].matchAll(/`(\w+)`/g)].map(([, name]) => name))
assert.ok(spellings.length >= 12)

/** In all their spellings. */
export const KNOWN = new Set(spellings.flat())
/** Those that the form has a field for. */
export const FIELDS = spellings.map(([name]) => name).filter((name) => name !== 'data')
