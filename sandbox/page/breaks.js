/** One thing wrong at a time: what each button does, and what to notice. */

import { SAMPLE, check } from './form.js'
import { decode, encode } from './jose.js'
import { readObject, write } from './json.js'
import { during, tell } from './outages.js'
import { FRESH_KEY, NEW_UUID, PARTNERS_KEY } from './rules.js'

const FILLED_IN = { referenceId: NEW_UUID, sdkPublicKey: FRESH_KEY, sdkApiKey: PARTNERS_KEY }

/** Another account than the request's. */
const another = (account) => (account === '999999999' ? '999999998' : '999999999')

/**
 * Groups of breaks: [id, label, did, notice, run]. `run` gets {send, first, setup, partners}: `send(twist)` sends the
 * request, and `first()` gives a journey that succeeded.
 */
export const BREAKS = [
  ['Who calls', [
    ['wrong-api-key', 'Wrong API key', 'The header X-API-KEY was NOT-A-KEY.', 'The answer is in the clear: without a partner there is no key to encrypt with.',
      ({ send }) => send({ apiKey: 'NOT-A-KEY' })],
    ['disabled-partner', 'Disabled partner', 'It was sent as initech, whose credentials are right but which is disabled.', 'It looks like an unknown key, so that nobody learns which partners there are.',
      ({ send, partners }) => send({ partner: partners.find(({ enabled }) => !enabled) })],
    ['wrong-sdk-api-key', 'Wrong sdkApiKey', 'The member sdkApiKey was NOT-YOURS.', 'It is told only when every member is valid, and encrypted.',
      ({ send }) => send({ members: { sdkApiKey: 'NOT-YOURS' } })],
  ]],
  ['The envelope', [
    ['wrong-key', 'Wrong payload key', 'It was encrypted with a random key, under the kid of the right one.', 'The same answer as for a flipped byte: a stranger cannot tell the two apart.',
      ({ send }) => send({ secret: crypto.getRandomValues(new Uint8Array(32)) })],
    ['unknown-kid', 'Unknown kid', 'The header named the key acme-1999-01, which the partner does not have.', 'A named key that is unknown makes the service look for new secrets, at a limited rate.',
      ({ send }) => send({ kid: 'acme-1999-01', nameKid: true })],
    ['flipped-byte', 'Flipped byte', 'One bit of the ciphertext was flipped on its way.', 'AES-GCM refuses the whole message: nothing of it is ever used.',
      ({ send }) => send({ body: flipped })],
    ['truncated', 'Truncated body', 'Only the first half of the body was sent.', 'Open the body below: segments are missing.',
      ({ send }) => send({ body: (jwe) => jwe.slice(0, Math.floor(jwe.length / 2)) })],
    ['plain-json', 'Plain JSON', 'The JSON was sent without encrypting it.', 'The customer crossed the network in the clear: anybody on the way could read it.',
      ({ send }) => send({ body: (_jwe, plaintext) => plaintext })],
  ]],
  ['The members', [
    ['bad-date', 'Bad date', 'dob was 19910230: the 30th of February.', 'Encrypted, because the service could open it: only the partner learns what was wrong.',
      ({ send }) => send({ members: { dob: '19910230' } })],
  ]],
  ['Repeated', [
    ['replay', 'Replay', 'A request that was answered was sent again: the same plaintext, encrypted again.', 'Token and session key are those of the first answer, and nothing was written.',
      async ({ send, first }) => send({ earlier: await first() })],
    ['conflict', 'Conflict', 'A referenceId that was used was sent again for another accountNumber.', 'It is encrypted, yet says nothing of the first answer; the first token stays as it is.',
      async ({ send, first }) => {
        const earlier = await first()
        const plaintext = changed(earlier.plaintext, (members) => {
          members.accountNumber = another(JSON.parse(earlier.plaintext).accountNumber)
        })
        return send({ earlier: { ...earlier, plaintext } })
      }],
  ]],
  ['AWS fails', [
    ['dynamodb-down', 'DynamoDB down', 'DynamoDB closed every connection during the request. It works again now.', 'The log line counts the attempts. No token exists without its record.',
      ({ send }) => during('dynamodb', 'down', send)],
    ['dynamodb-throttling', 'DynamoDB throttles', 'DynamoDB refused every write as one too many. It works again now.', 'Retried with growing pauses, within 4 s.',
      ({ send }) => during('dynamodb', 'throttling', send)],
    ['dynamodb-stalling', 'DynamoDB stalls', 'DynamoDB did not answer in time. It works again now.', 'It took seconds: an attempt ends after 1 s, all of them after 4 s.',
      ({ send }) => during('dynamodb', 'stalling', send)],
    ['lost-answer', 'A lost answer', 'DynamoDB wrote the item, and its answer was lost.', 'The retry met its own item, knew it by its jti, and it is a first answer and no replay. The log line has 2 attempts.',
      async ({ send }) => {
        await tell('lost-answer')
        return send()
      }],
    ['secrets-down', 'Secrets Manager down', 'Secrets Manager closed every connection during the request. It works again now.', 'A function that is warm has its secrets and serves on with them, for up to a day.',
      ({ send }) => during('secrets-manager', 'down', send)],
    ['secrets-down-cold', 'Secrets Manager down, cold start', 'Secrets Manager was down while a new instance of the function started. It works again now, and that instance is ended.', 'The function starts all the same, and says when the next attempt to read the secrets is due.',
      ({ send }) =>
        during('secrets-manager', 'down', async () => {
          await tell('cold-start')
          try {
            return await send()
          } finally {
            await tell('cold-start')
          }
        })],
  ]],
]

/**
 * A request's text with nothing wrong but `members`: what is filled in is filled in anew, and where that leaves a fault,
 * the sample takes its place.
 */
export function soundText(text, members = {}) {
  const whole = (it, more) => changed(it, (now) => Object.assign(now, FILLED_IN, more))
  const isSound = check(text).every(({ field }) => field in FILLED_IN) && check(whole(text)).length === 0
  return whole(isSound ? text : SAMPLE, members)
}

/** A text with other members, and the rest as it was, digit by digit. */
function changed(text, change) {
  const object = readObject(text)
  const now = {}
  change(now)
  for (const [name, value] of Object.entries(now)) object.members.set(name, { kind: 'string', value })
  return write(object)
}

function flipped(jwe) {
  const segments = jwe.split('.')
  const ciphertext = decode(segments[3])
  ciphertext[0] ^= 1
  return segments.with(3, encode(ciphertext)).join('.')
}
