/** The last requests that came to the sandbox, from whomever. */

import { explain } from './advice.js'
import { byId, el, plural } from './dom.js'
import { ask, showOutages } from './outages.js'

const EVERY_MS = 1000
const shown = new Map()

/** Looks now, and then every second while somebody can see it. */
export async function watchRecent() {
  await refresh()
  setTimeout(watchRecent, EVERY_MS)
}

/** Looks once. */
export async function refresh() {
  if (document.hidden) return
  try {
    const { requests, outages } = await ask('requests')
    say('')
    showOutages(outages)
    show(requests)
  } catch {
    say('The sandbox does not answer: is it still running? What you typed is kept; this list goes on when it is back.')
  }
}

function say(text) {
  const state = byId('recent-state')
  if (state.textContent !== text) state.textContent = text
}

/** Changes only what has changed, so that what is open stays open and the focus stays where it is. */
function show(requests) {
  const list = byId('recent')
  const numbers = new Set(requests.map(({ number }) => number))
  // After a restart of the sandbox its numbers begin anew.
  for (const [number, { element, id }] of shown) {
    const still = numbers.has(number) && requests.some((request) => request.requestId === id)
    if (still) continue
    element.remove()
    shown.delete(number)
  }
  if (requests.length === 0) {
    list.replaceChildren(el('li', { className: 'empty' }, 'None yet.'))
    return
  }
  list.querySelector('.empty')?.remove()
  for (const request of [...requests].reverse()) {
    const known = shown.get(request.number)
    const text = JSON.stringify(request)
    if (known?.text === text) continue
    const { summary, details } = describe(request)
    if (known) {
      known.text = text
      known.summary.replaceChildren(...summary)
      known.details.replaceChildren(...details)
      continue
    }
    const line = el('summary', {}, summary)
    const facts = el('dl', { className: 'facts' }, details)
    const element = el('li', { 'data-request': request.requestId }, el('details', {}, line, facts))
    list.prepend(element)
    shown.set(request.number, { element, id: request.requestId, text, summary: line, details: facts })
  }
}

function describe(request) {
  const { log, status, path, method, durationMs } = request
  const code = log?.Outcome ?? (status === null ? '' : 'API Gateway')
  const good = status === 200
  const summary = [
    el('span', { className: `badge ${status === null ? 'wait' : good ? 'good' : 'bad'}` }, status === null ? 'in progress' : `${status} ${code}`),
    el('span', { className: 'partner' }, log?.PartnerId ?? '—'),
    log?.Replays && el('span', { className: 'tag' }, 'replayed'),
    log?.DynamoDBAttempts > 1 && el('span', { className: 'tag' }, plural(log.DynamoDBAttempts, 'attempt')),
    el('span', { className: 'when' }, [durationMs === null ? '' : `${durationMs.toFixed(0)} ms`, new Date(request.receivedAt).toLocaleTimeString('en-GB')].filter(Boolean).join(' · ')),
  ].filter(Boolean)
  return { summary, details: facts(request, `${method} ${path}`, code) }
}

function facts({ log, status, remark, requestId, referenceId, eventBytes, bodyBytes, isBase64, itemBytes, durationMs }, line, code) {
  const event = eventBytes === null ? 'none: API Gateway answered by itself' : `${plural(eventBytes, 'byte')}, of a body of ${plural(bodyBytes, 'byte')}${isBase64 ? ', as base64' : ''}`
  const rows = [
    ['Request', line],
    ['Event in', event],
    ['Partner', log ? (log.PartnerId ?? 'not known') : null],
    ['Code', log && `${code}: ${explain({ operation: log.Operation, status, code, reason: /reused|expired|revoked|superseded|(?<=tokenReferenceId: )unknown|(?<=the body is )JSON/.exec(log.cause)?.[0], replayed: Boolean(log.Replays) }).title}`],
    ['Cause', log?.cause ?? remark],
    ['Status', status],
    ['Duration', durationMs === null ? null : `${durationMs.toFixed(1)} ms${log ? `, ${log.Latency.toFixed(1)} ms of it in the function` : ''}`],
    ['Replayed', log && (log.Replays ? 'yes' : 'no')],
    ['Attempts', log && `${log.DynamoDBAttempts ?? 0} of the ${log.Operation === 'Introspect' ? 'read' : 'write'}`],
    ['Stored item', itemBytes === null ? null : `${plural(itemBytes, 'byte')}, ${plural(Math.ceil(itemBytes / 1024), 'write unit')}`],
    ['referenceId', referenceId],
    ['X-Request-Id', requestId],
  ]
  return rows.filter(([, value]) => value !== null && value !== undefined).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])
}
