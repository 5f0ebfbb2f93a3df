/**
 * The protocol's rule for each member, in the service's own words, so that a fault is told before anything is sent. The
 * service checks again: the page's word counts for nothing.
 */

import { decode, hex } from './jose.js'
import { readObject } from './json.js'

/** What is filled in when a request is sent. */
export const NEW_UUID = '<new UUID>'
export const FRESH_KEY = '<fresh public key>'
export const PARTNERS_KEY = "<the partner's sdkApiKey>"

const EMAIL =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/
const NAME = 'must be 1-100 characters without control characters'

/** The members in the service's order: required or not, and the rule. A rule gives a reason, or nothing. */
const RULES = [
  ['referenceId', true, referenceId],
  ['sdkPublicKey', true, sdkPublicKey],
  ['sdkApiKey', true, sdkApiKey],
  ['accountNumber', true, accountNumber],
  ['firstName', false, name],
  ['lastName', false, name],
  ['name', false, name],
  ['email', false, email],
  ['isdCode', false, isdCode],
  ['mobileNumber', false, mobileNumber],
  ['dob', false, dob],
  ['data', false, data],
]
/** The members' names, in the service's order. */
export const MEMBERS = RULES.map(([name]) => name)
const SPELLINGS = { firstName: 'firstname', lastName: 'lastname' }

/** All members that break a rule, as [{field, reason}]. */
export function faults({ members }) {
  const present = (name) => {
    const value = members.get(name)
    return value && !(value.kind === 'literal' && value.value === null) ? value : undefined
  }
  const found = []
  for (const [name, required, rule] of RULES) {
    const other = SPELLINGS[name]
    if (other && present(name) && present(other)) {
      found.push({ field: name, reason: `must not be given together with ${other}` })
      continue
    }
    const field = other && present(other) ? other : name
    const value = present(field)
    const reason = value ? rule(value) : required ? 'is required' : undefined
    if (reason) found.push({ field, reason })
  }
  return found
}

/** What a reason leaves open: the first character that cannot stand there, or the entry of data. Never the value. */
export function hint(field, value) {
  if (field === 'data') {
    const entry = [...(value?.members ?? [])].find(([, it]) => it.kind !== 'string' || [...it.value].length > 1024)
    return entry ? ` (see ${JSON.stringify(entry[0])})` : ''
  }
  if (value?.kind !== 'string') return ''
  const isPhone = ['isdCode', 'mobileNumber'].includes(field)
  const isDigits = isPhone || ['accountNumber', 'dob'].includes(field)
  const isAscii = ['email', 'sdkApiKey', 'sdkPublicKey'].includes(field)
  const allowed = isDigits ? /[0-9]/ : field === 'referenceId' ? /[A-Za-z0-9._:-]/ : isAscii ? /[!-~]/ : /[^\p{Cc}]/u
  const characters = [...value.value]
  const at = characters.findIndex((it, i) => !allowed.test(it) && !(isPhone && i === 0 && it === '+'))
  if (at < 0) return ''
  return ` (U+${characters[at].codePointAt(0).toString(16).toUpperCase().padStart(4, '0')} at character ${at + 1})`
}

const string = (rule) => (value) => (value.kind === 'string' ? rule(value.value) : 'must be a string')
const text = ({ kind, value, text }) => (kind === 'string' ? value : kind === 'number' ? text : '')
const unless = (sound, reason) => (sound ? undefined : reason)

function referenceId(value) {
  return string((id) => unless(id === NEW_UUID || /^[A-Za-z0-9._:-]{1,64}$/.test(id), 'must be 1-64 characters of A-Z a-z 0-9 . _ : -'))(value)
}

function sdkApiKey(value) {
  return string((key) => unless(/^[ -~]{1,128}$/.test(key), 'must be 1-128 printable ASCII characters'))(value)
}

function accountNumber(value) {
  return unless(
    /^[0-9]{1,19}$/.test(text(value)),
    'must be 1-19 digits 0-9, as a string or an integer without sign, fraction or exponent',
  )
}

function name(value) {
  return string((it) => unless([...it].length >= 1 && [...it].length <= 100 && !/\p{Cc}/u.test(it), NAME))(value)
}

function email(value) {
  return string((it) => unless(it.length <= 254 && EMAIL.test(it), 'must be an ASCII e-mail address of at most 254 characters'))(value)
}

function isdCode(value) {
  const absent = value.kind === 'string' && value.value === ''
  return unless(absent || phone(value, 1, 4), 'must be 1-4 digits 0-9, a leading + allowed, as a string or an integer')
}

function mobileNumber(value) {
  return unless(phone(value, 4, 15), 'must be 4-15 digits 0-9, a leading + allowed, as a string or an integer')
}

function phone(value, min, max) {
  const digits = value.kind === 'string' ? value.value.replace(/^\+/, '') : text(value)
  return /^[0-9]+$/.test(digits) && digits.length >= min && digits.length <= max
}

function dob(value) {
  const digits = value.kind === 'number' && value.text.length === 7 ? `0${value.text}` : text(value)
  const [, y, m, d] = /^(\d{4})(\d{2})(\d{2})$/.exec(digits) ?? []
  const [, day, month, year] = /^(\d{2})(\d{2})(\d{4})$/.exec(digits) ?? []
  return unless(
    isPast(y, m, d) || isPast(year, month, day),
    'must be a real date from 1900-01-01 to today (UTC), as yyyyMMdd or ddMMyyyy',
  )
}

function isPast(year, month, day) {
  if (year === undefined || year < 1900) return false
  const date = new Date(Date.UTC(year, month - 1, day))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day) && date <= new Date()
}

function data(value) {
  if (value.kind !== 'object') return 'must be an object of strings'
  if (value.members.size > 32) return 'must have at most 32 entries'
  let bytes = 0
  for (const [key, entry] of value.members) {
    if (entry.kind !== 'string') return 'must have strings as values'
    if ([...key].length < 1 || [...key].length > 64) return 'must have keys of 1-64 characters'
    if ([...entry.value].length > 1024) return 'must have values of at most 1024 characters'
    bytes += new TextEncoder().encode(key + entry.value).length
    if (bytes > 8192) return 'must have at most 8192 bytes of keys and values in all'
  }
}

function sdkPublicKey(value) {
  if (value.kind !== 'string') return 'must be a string'
  if (value.value === FRESH_KEY) return
  let bytes
  try {
    bytes = decode(asBase64url(value.value))
  } catch {
    return 'must be the base64url (or base64) of a JWK'
  }
  if (bytes.length > 1024) return 'must decode to at most 1024 bytes'
  let jwk
  try {
    jwk = readObject(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)).members
  } catch {
    return 'must decode to a JWK: one JSON object without repeated members'
  }
  if (jwk.has('d')) return 'must be a public key: remove the private member d, and make a new key pair'
  const [kty, crv, x, y] = ['kty', 'crv', 'x', 'y'].map((name) => jwk.get(name)?.value)
  if (kty !== 'EC' || crv !== 'P-256') return 'must be an EC key on P-256: kty EC, crv P-256'
  let point
  try {
    point = [x, y].map((coordinate) => decode(coordinate, 32))
  } catch {
    return 'must have x and y of exactly 43 base64url characters each'
  }
  return unless(isOnP256(...point), 'must be a point on the curve P-256')
}

/** base64 of either alphabet, with all of its padding or none, as base64url without; else what is none. */
function asBase64url(text) {
  const unpadded = text.replace(/={1,2}$/, '')
  const isPadded = unpadded !== text
  if (isPadded && text.length % 4 !== 0) return '?'
  return /[-_]/.test(unpadded) ? unpadded : unpadded.replaceAll('+', '-').replaceAll('/', '_')
}

/** y^2 = x^3 - 3x + b (SEC 2, section 2.4.2), with coordinates below the prime. */
function isOnP256(...coordinates) {
  const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn
  const [x, y] = coordinates.map((bytes) => BigInt(`0x${hex(bytes)}`))
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n
}
