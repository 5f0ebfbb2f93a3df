/** What the page asks of the sandbox, and the outages that last. Nothing is asked of anybody else. */

import { byId, el } from './dom.js'

const SERVICES = [
  ['dynamodb', 'DynamoDB', ['down', 'throttling', 'stalling']],
  ['secrets-manager', 'Secrets Manager', ['down', 'throttling', 'stalling']],
]
const WORDS = { down: 'is down', throttling: 'throttles', stalling: 'stalls' }

/** The sandbox's answer to a question. @throws {Error} in words for people */
export async function ask(what) {
  return answered(await fetch(`api/${what}`))
}

/** The outages in force after a change. */
export async function tell(what, json = {}) {
  const headers = { 'Content-Type': 'application/json' }
  return answered(await fetch(`api/${what}`, { method: 'POST', headers, body: JSON.stringify(json) }))
}

async function answered(response) {
  const json = await response.json()
  if (!response.ok) throw new Error(json.error)
  return json
}

/** How many outages last only as long as a request: they are told with its answer, and not as lasting. */
let passing = 0

/** An outage for the length of some work; then what was before. */
export async function during(service, outage, work) {
  const before = (await ask('requests')).outages[service === 'dynamodb' ? 'dynamodb' : 'secretsManager']
  passing += 1
  try {
    await tell('outage', { service, outage })
    return await work()
  } finally {
    const now = await tell('outage', { service, outage: before }).finally(() => (passing -= 1))
    showOutages(now)
  }
}

/** A choice for each service. `failed` is told where it cannot be set. */
export function buildOutages(failed) {
  const set = async (service, outage) => {
    try {
      showOutages(await tell('outage', { service, outage }))
    } catch (error) {
      failed(error)
    }
  }
  const choices = SERVICES.map(([service, name, outages]) => {
    const options = [el('option', { value: '' }, 'works'), ...outages.map((outage) => el('option', { value: outage }, WORDS[outage]))]
    const select = el('select', { id: `outage-${service}`, on: { change: () => set(service, select.value || null) } }, options)
    return el('p', { className: 'field' }, el('label', { htmlFor: select.id }, name), select)
  })
  const cold = el('button', { type: 'button', id: 'cold-start', on: { click: () => tell('cold-start').then(() => (cold.textContent = 'The next request meets a cold start'), failed) } }, 'Make the next request a cold start')
  byId('outages').append(el('div', { className: 'grid' }, choices), el('p', { className: 'actions' }, cold))
}

/** Says which outages are in force, wherever they were set. */
export function showOutages({ dynamodb, secretsManager }) {
  if (passing > 0) return
  const now = { dynamodb, 'secrets-manager': secretsManager }
  const said = SERVICES.filter(([service]) => now[service]).map(([service, name]) => `${name} ${WORDS[now[service]]}`)
  for (const [service] of SERVICES) {
    const select = byId(`outage-${service}`)
    if (document.activeElement !== select) select.value = now[service] ?? ''
  }
  const banner = byId('outage-banner')
  const text = said.length > 0 ? `On purpose: ${said.join(', and ')}. End it under “Outages that last”.` : ''
  banner.hidden = text === ''
  if (banner.textContent !== text) banner.textContent = text
}
