/** What happened, step by step. */

import { explain } from './advice.js'
import { block, byId, copyButton, el, indented, longBlock, plural } from './dom.js'
import { hex, parts } from './jose.js'

const PARTNERS_SERVER = 'partner\'s server'
const SEVERAL = 'Pasted into a shell it is a retry: '
/** Of each operation: who asks, how the request is made, what the same once more does, what opens the answer, what is written. */
const OPERATIONS = {
  GetToken: {
    who: PARTNERS_SERVER,
    made: 'Encrypted exactly as it stands. sdkPublicKey is the public half of a key pair that this page, as the SDK, made for this request.',
    again: `${SEVERAL}the same body, so the same token.`,
    opener: ({ answer, partner }) => `the payload key ${answer.kid} of ${partner.partnerId}`,
    written: 'One conditional PutItem, and no read.',
    replayed: 'It is the first request\'s: a replay writes nothing.',
  },
  Renew: {
    who: 'SDK',
    made: 'Encrypted with the session key, which proves that the SDK holds it.',
    again: `${SEVERAL}the new token again, as long as nobody renews that one.`,
    opener: () => 'the session key',
    written: 'One conditional UpdateItem, and no read.',
    replayed: 'It is the first renewal\'s: a replay writes nothing.',
  },
  Invalidate: {
    who: PARTNERS_SERVER,
    made: 'Encrypted with the payload key. tokenReferenceId is the referenceId of the request for the token.',
    again: `${SEVERAL}to end a session again is a success, and changes nothing.`,
    opener: ({ answer, partner }) => `the payload key ${answer.kid} of ${partner.partnerId}`,
    written: 'One conditional UpdateItem, which makes status REVOKED, and no read.',
  },
  Introspect: { who: 'resource server', again: 'Pasted into a shell it asks again.' },
}

/** The steps that a person has opened or closed, by title: the next journey keeps them so. */
const chosen = new Map()

/** A request that is on its way: what is known of it before an answer. */
export function showRequest(journey) {
  byId('steps').replaceChildren(...requestSteps(journey))
}

/** A whole journey. `story` tells what was broken: {did, notice}; `item` is the stored item. */
export function showJourney(journey, story, item) {
  byId('verdict').replaceChildren(...verdict(journey, story))
  byId('steps').replaceChildren(...requestSteps(journey), ...answerSteps(journey, item))
}

/** Nothing came back. */
export function showFailure(title, means, todo) {
  byId('verdict').replaceChildren(headline(false, 'No answer', title), el('p', {}, means), el('p', {}, el('strong', {}, 'What to do: '), todo))
}

function headline(isGood, badge, title) {
  return el('div', { className: 'headline' }, el('span', { className: `badge ${isGood ? 'good' : 'bad'}` }, badge), el('h3', {}, title))
}

function verdict(journey, story) {
  const { operation, http, answer, replayed } = journey
  const reasons = answer.errors.map(({ field, reason }) => [el('code', {}, field), ` ${reason}`])
  if (reasons.length === 0 && http.status !== 200 && answer.said?.resDesc) reasons.push([answer.said.resDesc])
  const reason = answer.errors[0]?.reason ?? /^The body is (JSON)/.exec(answer.said?.resDesc)?.[1]
  const { title, means, todo } = explain({ operation, status: http.status, code: answer.code, reason, description: answer.said?.resDesc, replayed })
  return [
    headline(http.status === 200, `HTTP ${http.status} ${answer.code}`, title),
    reasons.length > 0 && el('ul', { className: 'errors' }, reasons.map((words) => el('li', {}, words))),
    story && el('p', { className: 'did' }, el('strong', {}, 'What was done: '), story.did),
    el('p', {}, means),
    el('p', {}, el('strong', {}, 'What to do: '), todo),
    story?.notice && el('p', { className: 'notice' }, el('strong', {}, 'Notice: '), story.notice),
  ].filter(Boolean)
}

function requestSteps({ operation, plaintext, body, curl, partner, headers }) {
  const { who, made, again } = OPERATIONS[operation]
  return [
    plaintext !== undefined &&
      step('The request in JSON', who, `${bytesOf(plaintext)} to encrypt`, [el('p', { className: 'hint' }, made), block('The request in JSON', indented(plaintext))]),
    plaintext === undefined ? step('The body', who, `A form of ${bytesOf(body)}`, form(body)) : step('The body', who, ...jweOrText(body)),
    step('The request as a curl command', who, `With ${credential(headers, partner)}`, [
      el('p', { className: 'hint' }, again),
      longBlock('curl line', curl),
      copyButton(curl, 'the curl line'),
    ]),
  ].filter(Boolean)
}

function credential(headers, { apiKey, sdkApiKey, partnerId }) {
  if (headers.Authorization) return 'Authorization of a resource server'
  const whose = { [sdkApiKey]: `the SDK of ${partnerId}`, [apiKey]: partnerId }
  return `X-API-KEY of ${whose[headers['X-API-KEY']] ?? 'nobody'}`
}

const form = (body) => [el('p', { className: 'hint' }, 'A form, as RFC 7662 has it. Only the token in it is encrypted.'), longBlock('Body of the request', body), copyButton(body, 'the body')]

function answerSteps(journey, item) {
  const { operation, http, answer, session, token, replayed } = journey
  const { who, ...words } = OPERATIONS[operation]
  const inTheClear = !answer.encrypted && operation !== 'Introspect'
  const steps = [
    step('The HTTP answer', 'token service', `HTTP ${http.status}, ${bytesOf(http.body)} after ${http.milliseconds.toFixed(0)} ms`, [
      block('Status and headers of the answer', `HTTP ${http.status}\n${http.headers.map(([name, value]) => `${name}: ${value}`).join('\n')}`),
      longBlock('Body of the answer', http.body),
      inTheClear && el('p', { className: 'hint' }, 'In the clear, as the request was not decrypted: anybody on the way could have written it. Take it as a hint.'),
    ], inTheClear),
  ]
  if (answer.encrypted) steps.push(step('The answer, opened', who, ...decrypted(journey), true))
  if (operation === 'Introspect') steps.push(step('The answer in JSON', who, ...introspected(answer, session), true))
  if (operation === 'GetToken' && session) steps.push(step('The session key', 'SDK', ...sessionKey(session)))
  if (token) steps.push(step('The token, opened', 'resource server', ...openedToken(token, session, answer.said)))
  if (item) steps.push(step('The stored item', 'DynamoDB', ...stored(item, replayed ? words.replayed : words.written)))
  return steps
}

// Each of these gives what a closed step says of itself in one line, and what it holds.

function decrypted(journey) {
  const { operation, answer, referenceId } = journey
  if (answer.fault) return ['It cannot be read', [el('p', { className: 'fault' }, `It cannot be read: ${answer.fault}. Do not use it.`)]]
  const same = answer.said?.referenceId === referenceId
  return [`Opened with ${OPERATIONS[operation].opener(journey)}`, [
    block('The answer in JSON', indented(answer.text)),
    answer.said?.referenceId !== undefined &&
      fact(same, 'referenceId is the one that was asked for', 'referenceId is not the one that was asked for: do not use this answer'),
  ]]
}

function sessionKey({ fault, bytes, encoded }) {
  if (fault) return ['It cannot be derived here', [el('p', { className: 'fault' }, `It cannot be derived here: ${fault}.`)]]
  return ['Agreed from two key pairs, and never sent', [
    el('p', { className: 'hint' }, 'ECDH-ES of RFC 7518 section 4.6: Z is agreed from the private key of this page and serverPubKey; the key is SHA-256(00000001 || Z || 00000007 || "A256GCM" || 00000000 || 00000000 || 00000100). It was never sent.'),
    el('dl', { className: 'facts' }, el('dt', {}, 'base64url'), el('dd', { id: 'session-key' }, encoded), el('dt', {}, 'hex'), el('dd', {}, hex(bytes))),
  ]]
}

function openedToken({ fault, text, header, kid, claims, confirmed }, session, { expireAt }) {
  if (fault) return ['It cannot be opened here', [el('p', { className: 'fault' }, `It cannot be opened here: ${fault}.`)]]
  return [`Of account ${claims.sub}, valid until ${new Date(expireAt).toLocaleTimeString('en-GB')}`, [
    el('p', { className: 'hint' }, `Opened with the token key ${kid}, which a resource server may have, and a partner never has.`),
    block('Header of the token', indented(JSON.stringify(header))),
    block('Claims of the token', indented(text)),
    fact(claims.exp * 1000 === expireAt, 'expireAt of the answer is exp times 1,000', 'expireAt of the answer is not exp times 1,000'),
    session?.encoded &&
      fact(session.encoded === confirmed, 'cnf holds the same session key as the SDK derived', 'cnf holds another session key than the SDK derived'),
  ]]
}

function introspected({ text, code, said }, { encoded }) {
  return ['In the clear, as RFC 7662 has it', [
    block('The answer in JSON', indented(text)),
    code === 'active' && fact(said.cnf?.jwk?.k === encoded, 'cnf holds the same session key as the SDK derived', 'cnf holds another session key than the SDK derived'),
  ]]
}

function stored({ bytes, writeUnits, item }, written) {
  return [`${plural(bytes, 'byte')}: ${plural(writeUnits, 'write unit')}`, [
    el('p', {}, el('strong', { id: 'item-size' }, plural(bytes, 'byte')), ` of ${(writeUnits * 1024).toLocaleString('en')}: ${plural(writeUnits, 'write unit')}. ${written}`),
    el('p', { className: 'hint' }, 'The customer is in sealed and the token in token: neither this page nor a dump of the table can read them.'),
    block('The stored item', attributes(item)),
  ]]
}

/** DynamoDB JSON, an attribute a line. */
function attributes(item) {
  return Object.entries(item).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join('\n')
}

function jweOrText(body) {
  const bytes = bytesOf(body)
  const whole = (hint) => [el('p', { className: 'hint' }, hint), longBlock('Body of the request', body), copyButton(body, 'the body')]
  if (body.trimStart().startsWith('{')) return [`JSON of ${bytes}, not encrypted`, whole('The JSON itself: anybody on the way can read it.')]
  let read
  try {
    read = parts(body)
  } catch (error) {
    return [`No compact JWE: ${error.message}`, whole(`${bytes}. A compact JWE has five segments in base64url.`)]
  }
  const { kid } = read.header
  const legend = [
    ['Protected header', `${read.headerText}; it is authenticated, not secret`],
    ['Encrypted key', 'empty: with alg dir the payload key itself encrypts'],
    ['IV', `${read.iv.length} bytes, random, fresh for every message`],
    ['Ciphertext', `${plural(read.ciphertext.length, 'byte')}, as many as the JSON has`],
    ['Tag', `${read.tag.length} bytes; one bit changed anywhere, and nothing opens it`],
  ]
  const segments = body.split('.').flatMap((segment, i) => [i > 0 ? '.' : '', el('span', { className: `segment-${i + 1}` }, segment)])
  return [`A compact JWE of ${bytes}, ${kid === undefined ? 'without a kid' : `kid ${kid}`}`, [
    longBlock('Body of the request', ...segments),
    el('ol', { className: 'legend' }, legend.map(([name, what], i) => el('li', {}, el('strong', { className: `segment-${i + 1}` }, name), `: ${what}`))),
    copyButton(body, 'the body'),
  ]]
}

/**
 * A step: closed to its title and one line, unless it is the answer. What a person chose for this title takes precedence;
 * a step with a fault in it is always open.
 */
function step(title, who, gist, content, isAnswer = false) {
  const summary = el('summary', { className: 'title' }, el('h4', {}, title), el('span', { className: 'who' }, who), el('span', { className: 'gist' }, gist))
  const details = el('details', { className: 'step' }, summary, el('div', { className: 'content' }, content))
  const isWrong = details.querySelector('.fact.bad, .fault') !== null
  details.open = isWrong || (chosen.get(title) ?? isAnswer)
  summary.addEventListener('click', () => chosen.set(title, !details.open))
  return details
}

const bytesOf = (text) => plural(new TextEncoder().encode(text).length, 'byte')

function fact(holds, yes, no) {
  return el('p', { className: holds ? 'fact good' : 'fact bad' }, holds ? `✓ ${yes}` : `✗ ${no}`)
}
