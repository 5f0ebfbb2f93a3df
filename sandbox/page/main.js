/** Puts the page together: who is played, what is sent, what is shown. */

import { BREAKS, soundText } from './breaks.js'
import { byId, el } from './dom.js'
import { RequestForm } from './form.js'
import { decode } from './jose.js'
import { keep, load } from './kept.js'
import { ask, buildOutages } from './outages.js'
import { refresh, watchRecent } from './recent.js'
import { prepare, read, send } from './request.js'
import { after, introspection, invalidation, renewal, sessionOf, showSession } from './session.js'
import { showFailure, showJourney, showRequest } from './steps.js'

const kept = load()
let cast // {partners, tokenKeys, resourceServer, paths, sessionPaths}
let form
let busy = false
/** The mode whose faults the summary has. */
let reviewed
/** The last journey that got a token: what a replay repeats. */
let last = null
/** The session of the last token that was shown. */
let session = null

function trouble(text) {
  byId('trouble').textContent = text
  byId('trouble').hidden = !text
}

const gone = (error) =>
  trouble(`The sandbox does not answer (${error.message}). Is it still running? Start it, on the same port, and try again: what you typed is kept.`)

const partner = () => cast.partners.find(({ partnerId }) => partnerId === byId('partner').value)

function setup() {
  const jwk = partner().payloadKeys.keys.find(({ kid }) => kid === byId('key').value)
  return { partner: partner(), key: usable(jwk), nameKid: byId('name-kid').checked, path: byId('path').value }
}

const usable = ({ kid, k }) => ({ kid, secret: decode(k) })

function keepAll() {
  const of = (id) => byId(id).value
  keep({ ...form.state, partner: of('partner'), key: of('key'), path: of('path'), nameKid: byId('name-kid').checked })
}

/** Sends one request and shows it, unless it is only another's beginning. */
async function travel(template, set, twist, story, isShown = true) {
  const prepared = await prepare(template, set, twist)
  if (isShown) showRequest(prepared)
  const journey = await read(await send(prepared), cast.tokenKeys.keys)
  if (journey.answer.code === 'TOK200') last = { ...journey, template, set }
  if (!isShown) return journey
  const item = journey.token ? await storedItem(journey) : null
  if (journey.token) showSession((session = sessionOf(journey)))
  showJourney(journey, story, item)
  await refresh()
  return journey
}

/** Sends a request of the session and shows it. */
function goOn(make) {
  return alone(async () => {
    const prepared = await make(session, cast.sessionPaths, cast.resourceServer)
    showRequest(prepared)
    const journey = await read(await send(prepared), cast.tokenKeys.keys)
    showSession((session = after(session, journey)))
    const isStored = journey.operation !== 'Introspect' && journey.http.status === 200
    showJourney(journey, undefined, isStored ? await storedItem(journey) : null)
    await refresh()
  })
}

function storedItem({ partner, referenceId }) {
  return ask(`item?${new URLSearchParams({ partner: partner.partnerId, reference: referenceId })}`)
}

/** One thing at a time; what comes meanwhile is not done, and the button says so. */
async function alone(work) {
  if (busy) return
  setBusy(true)
  trouble('')
  byId('verdict').replaceChildren(el('p', { className: 'empty' }, 'On its way …'))
  bringIntoSight()
  try {
    await work()
  } catch (error) {
    if (error instanceof TypeError && /fetch/i.test(error.message)) {
      showFailure('Nothing came back', 'The sandbox does not answer, so that nobody knows what became of the request.', 'Look whether the sandbox is still running, then send it again. What you typed is kept.')
    } else {
      showFailure('It could not be sent', error.message, 'Correct what is named, then send it again.')
    }
  } finally {
    setBusy(false)
  }
  bringIntoSight()
}

/** Scrolls to the verdict: the pane of the result to its top and, where the result is no pane, the page, if it must. */
function bringIntoSight() {
  const result = byId('result')
  result.scrollTop = 0
  const { top, bottom } = byId('verdict').getBoundingClientRect()
  if (top < 0 || bottom > innerHeight) result.scrollIntoView({ behavior: calm() ? 'auto' : 'smooth' })
}

const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches

function setBusy(now) {
  busy = now
  byId('result').setAttribute('aria-busy', String(now))
  for (const button of document.querySelectorAll('#send, #send-anyway, #breaks button, #session button')) button.setAttribute('aria-disabled', String(now))
}

function submit(event) {
  event.preventDefault()
  form.review()
  showSummary(form.faults)
  reviewed = form.mode
  if (form.faults.length === 0) return alone(() => travel(form.text, setup()))
  byId('summary').focus()
}

/** A summary that is shown stays true: it follows what is typed, and goes with the mode that it is of. */
function changed() {
  keepAll()
  if (!byId('summary').hidden) showSummary(form.mode === reviewed ? form.faults : [])
}

function showSummary(found) {
  const summary = byId('summary')
  const text = JSON.stringify(found)
  if (summary.dataset.found === text) return
  summary.dataset.found = text
  summary.hidden = byId('send-anyway').hidden = found.length === 0
  const go = (field) => (event) => {
    event.preventDefault()
    form.inputOf(field)?.focus()
  }
  summary.replaceChildren(
    el('p', {}, `Not sent: ${found.length === 1 ? 'a rule is' : `${found.length} rules are`} broken. Correct it, or send it as it is to see what the service says.`),
    el('ul', {}, found.map(({ field, reason }) => el('li', {}, el('a', { href: '#request', on: { click: go(field) } }, `${field ?? 'The text'} ${reason}`)))),
  )
}

function breakIt([, , did, notice, run]) {
  return alone(async () => {
    const chosen = setup()
    const [stand] = cast.partners
    const set = chosen.partner.enabled ? chosen : { ...chosen, partner: stand, key: usable(stand.payloadKeys.keys[0]) }
    await run({
      partners: cast.partners,
      first: () => last ?? travel(soundText(form.text), set, {}, undefined, false),
      send: ({ members, partner: other, nameKid, ...twist } = {}) => {
        const whose = twist.earlier?.set ?? set
        const now = other ? { ...set, partner: other, key: usable(other.payloadKeys.keys[0]) } : { ...whose, nameKid: nameKid ?? whose.nameKid }
        return travel(soundText(form.text, members), now, twist, { did, notice })
      },
    })
  })
}

function buildBreaks() {
  byId('breaks').append(
    ...BREAKS.map(([group, breaks], i) =>
      el('div', { className: 'group', role: 'group', 'aria-labelledby': `breaks-${i}` },
        el('h3', { id: `breaks-${i}` }, group),
        el('div', { className: 'actions' }, breaks.map((it) => el('button', { type: 'button', id: `break-${it[0]}`, on: { click: () => breakIt(it) } }, it[1]))),
      ),
    ),
  )
}

function offer(id, values, chosen) {
  byId(id).replaceChildren(...values.map(([value, label = value]) => el('option', { value, selected: value === chosen }, label)))
}

function offerKeys(chosen) {
  offer('key', partner().payloadKeys.keys.map(({ kid }, i) => [kid, `${kid}${i === 0 ? '' : ' (older)'}`]), chosen)
}

async function begin() {
  if (!globalThis.crypto?.subtle) return trouble('This browser gives the page no WebCrypto. Open it by the URL that the sandbox printed, with 127.0.0.1 in it.')
  try {
    cast = await ask('partners')
  } catch (error) {
    gone(error)
    setTimeout(begin, 2000)
    return
  }
  trouble('')
  offer('partner', cast.partners.map(({ partnerId, enabled }) => [partnerId, enabled ? partnerId : `${partnerId} (disabled)`]), kept.partner)
  offerKeys(kept.key)
  offer('path', cast.paths.map((path, i) => [path, i === 0 ? 'newer: resCode is a text, as TOK200' : 'older: resCode is a number, as 100']), kept.path)
  byId('name-kid').checked = kept.nameKid ?? true
  form = new RequestForm(kept, () => form && changed())
  const showPath = () => (byId('path-hint').textContent = `POST ${byId('path').value}`)
  showPath()
  byId('path').addEventListener('change', showPath)
  byId('partner').addEventListener('change', () => offerKeys())
  for (const id of ['partner', 'key', 'path', 'name-kid']) byId(id).addEventListener('change', keepAll)
  byId('request').addEventListener('submit', submit)
  byId('send-anyway').addEventListener('click', () => alone(() => travel(form.text, setup())))
  for (const [id, make] of [['renew', renewal], ['introspect', introspection], ['logout', invalidation]]) {
    byId(`session-${id}`).addEventListener('click', () => goOn(make))
  }
  buildBreaks()
  buildOutages(gone)
  await watchRecent()
}

begin()
