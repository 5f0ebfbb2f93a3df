/** The members of a request: a form with a field for each, or raw JSON. Both are kept apart, so that neither loses anything. */

import { byId, el, indented } from './dom.js'
import { JsonFault, readObject } from './json.js'
import { FRESH_KEY, MEMBERS, NEW_UUID, PARTNERS_KEY, faults, hint } from './rules.js'

const FIELDS = [
  ['accountNumber', 'Required. 1-19 digits, as a string: leading zeros count', '123123123', 'numeric'],
  ['name', '1-100 characters', 'Asha Rao'],
  ['firstName', '1-100 characters', ''],
  ['lastName', '1-100 characters', ''],
  ['email', 'ASCII, at most 254 characters', 'asha.rao@example.com', 'email'],
  ['dob', 'yyyyMMdd or ddMMyyyy, from 1900-01-01 to today', '19910807', 'numeric'],
  ['isdCode', '1-4 digits, + allowed; 0 means none', '91', 'tel'],
  ['mobileNumber', '4-15 digits, + allowed', '9876543210', 'tel'],
  ['referenceId', '1-64 of A-Z a-z 0-9 . _ : -  Empty: a new UUID for each request', ''],
  ['sdkApiKey', "1-128 printable ASCII. Empty: the partner's", ''],
  ['sdkPublicKey', "base64url of a P-256 JWK. Empty: a fresh key pair is made here. With a key of yours this page can't derive the session key", ''],
]
/** The one member that nothing is filled in for. The others are folded. */
const REQUIRED = 'accountNumber'
/** What an empty field stands for, where that is not the member's absence. */
const FILLED_IN = { referenceId: NEW_UUID, sdkApiKey: PARTNERS_KEY, sdkPublicKey: FRESH_KEY }
const SPELLINGS = { firstname: 'firstName', lastname: 'lastName' }

/** The members that are sent when what was typed is of no use. */
export const SAMPLE = text(Object.fromEntries(FIELDS.map(([name, , value]) => [name, value])), [['branch', 'main street']])

/** What is wrong with a request's text, as [{field, reason}]; `field` is absent for the JSON itself. */
export function check(json) {
  try {
    const object = readObject(json)
    return faults(object).map(({ field, reason }) => ({ field, reason: reason + hint(field, object.members.get(field)) }))
  } catch (fault) {
    if (fault instanceof JsonFault) return [{ field: fault.field, reason: fault.reason }]
    throw fault
  }
}

function text(values, rows) {
  const members = MEMBERS.filter((name) => name !== 'data')
    .map((name) => [name, values[name] || FILLED_IN[name]])
    .filter(([, value]) => value)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  // By hand, so that a key that is there twice is found and not lost.
  const entries = rows.filter(([key, value]) => key || value).map((row) => row.map((it) => JSON.stringify(it)).join(':'))
  if (entries.length > 0) members.push(`"data":{${entries.join(',')}}`)
  return `{${members.join(',')}}`
}

export class RequestForm {
  #inputs = new Map()
  #rows
  #shown = new Set()
  #more
  #filled
  #undo
  #changed
  #jsonIsTyped

  /** @param {object} kept what `state` gave earlier @param {() => void} changed */
  constructor(kept, changed) {
    this.#changed = changed
    this.#jsonIsTyped = kept.jsonIsTyped ?? false
    this.#build(kept)
    byId('json').value = kept.json ?? ''
    byId('json').addEventListener('input', () => {
      this.#jsonIsTyped = true
      this.#show()
    })
    byId('json-from-form').addEventListener('click', () => this.#replaceJson(indented(this.#formText()), false))
    byId('json-undo').addEventListener('click', () => this.#replaceJson(this.#undo, true))
    for (const mode of ['form', 'json']) byId(`mode-${mode}`).addEventListener('change', () => this.#choose(mode))
    byId(`mode-${kept.mode ?? 'form'}`).checked = true
    this.#choose(kept.mode ?? 'form')
  }

  get mode() {
    return byId('mode-json').checked ? 'json' : 'form'
  }

  /** The request's text, with what is to be filled in still in it. */
  get text() {
    return this.mode === 'json' ? byId('json').value : this.#formText()
  }

  get state() {
    const values = Object.fromEntries([...this.#inputs].map(([name, { value }]) => [name, value]))
    return { mode: this.mode, values, rows: this.#rowValues(), isMoreOpen: this.#more.open, json: byId('json').value, jsonIsTyped: this.#jsonIsTyped }
  }

  /** What is wrong with it, shown or not. */
  get faults() {
    return check(this.text)
  }

  /** Shows every fault where it is, and unfolds what is folded around one. */
  review() {
    for (const name of [...this.#inputs.keys(), 'data']) this.#shown.add(name)
    this.#show()
    if (this.mode === 'form' && this.faults.some(({ field }) => field !== REQUIRED)) this.#more.open = true
  }

  /** Where a fault is corrected. */
  inputOf(field) {
    if (this.mode === 'json') return byId('json')
    if (field !== REQUIRED) this.#more.open = true
    if (field === 'data') return this.#rows.querySelector('input') ?? byId('add-row')
    return this.#inputs.get(SPELLINGS[field] ?? field)
  }

  #build({ values = {}, rows = [['branch', 'main street']], isMoreOpen = false }) {
    const more = el('div', { className: 'grid' })
    let required
    for (const [name, hint, sample, inputMode] of FIELDS) {
      const input = el('input', { id: `member-${name}`, name, value: values[name] ?? sample, spellcheck: false })
      if (inputMode) input.inputMode = inputMode
      input.setAttribute('autocapitalize', 'off')
      input.setAttribute('aria-describedby', `note-${name}`)
      if (FILLED_IN[name]) input.placeholder = FILLED_IN[name].slice(1, -1)
      input.required = name === REQUIRED
      this.#inputs.set(name, input)
      this.#watch(input, name)
      const wide = ['name', 'referenceId', 'sdkApiKey', 'sdkPublicKey'].includes(name) ? ' wide' : ''
      const field = el('div', { className: `field${wide}` }, el('label', { htmlFor: input.id }, name), input, note(name, hint))
      if (name === REQUIRED) required = field
      else more.append(field)
    }
    this.#rows = el('div', { className: 'rows' })
    for (const row of rows) this.#addRow(row)
    const add = el('button', { type: 'button', id: 'add-row', className: 'small', on: { click: () => this.#addRow(['', ''])?.focus() } }, 'Add an entry')
    this.#filled = el('span', { className: 'hint', id: 'more-filled' })
    this.#more = el('details', { id: 'more', open: isMoreOpen, on: { toggle: () => this.#changed() } },
      el('summary', { id: 'more-summary' }, el('strong', {}, 'More members'), this.#filled),
      more,
      el('fieldset', { className: 'data' },
        el('legend', {}, 'data'),
        note('data', 'At most 32 entries; keys 1-64 and values at most 1,024 characters; 8 KiB in all'),
        this.#rows, add,
      ),
    )
    byId('form-mode').replaceChildren(required, this.#more)
  }

  #addRow([key, value]) {
    const inputs = [['key', key], ['value', value]].map(([what, text]) => {
      const input = el('input', { value: text, 'aria-label': `data: ${what}`, placeholder: what, spellcheck: false })
      input.setAttribute('aria-describedby', 'note-data')
      this.#watch(input, 'data')
      return input
    })
    const remove = el('button', { type: 'button', className: 'small', 'aria-label': 'Remove this entry' }, 'Remove')
    const row = el('div', { className: 'row' }, inputs, remove)
    remove.addEventListener('click', () => {
      row.remove()
      byId('add-row').focus()
      this.#show()
    })
    this.#rows.append(row)
    return inputs[0]
  }

  #watch(input, name) {
    input.addEventListener('input', () => this.#show())
    input.addEventListener('blur', () => {
      if (input.value === '' && !this.#shown.has(name)) return
      this.#shown.add(name)
      afterPointer(() => this.#show())
    })
  }

  #rowValues() {
    return [...this.#rows.children].map((row) => [...row.querySelectorAll('input')].map(({ value }) => value))
  }

  #formText() {
    const values = Object.fromEntries([...this.#inputs].map(([name, { value }]) => [name, value]))
    return text(values, this.#rowValues())
  }

  /** A JSON that nobody has typed in is the form's. */
  #choose(mode) {
    if (mode === 'json' && !this.#jsonIsTyped) byId('json').value = indented(this.#formText())
    byId('form-mode').hidden = mode === 'json'
    byId('json-mode').hidden = mode !== 'json'
    this.#show()
  }

  #replaceJson(json, isTyped) {
    this.#jsonIsTyped = isTyped
    this.#undo = byId('json').value
    byId('json').value = json
    byId('json-undo').hidden = false
    this.#show()
  }

  #show() {
    if (this.mode === 'json') this.#showJsonFaults()
    else this.#showFormFaults()
    this.#changed()
  }

  #showJsonFaults() {
    const found = check(byId('json').value)
    const said = found.map(({ field, reason }) => `${field ?? 'The text'} ${reason}`)
    byId('json-fault').textContent = said.join('\n')
    byId('json').setAttribute('aria-invalid', String(found.length > 0))
  }

  #showFormFaults() {
    const found = new Map(check(this.#formText()).map(({ field, reason }) => [field, reason]))
    const filled = [...this.#inputs].filter(([name, { value }]) => name !== REQUIRED && value).map(([name]) => name)
    if (this.#rowValues().some(([key, value]) => key || value)) filled.push('data')
    this.#filled.textContent = filled.length > 0 ? filled.join(', ') : 'none is filled in'
    for (const name of [...this.#inputs.keys(), 'data']) {
      const reason = this.#shown.has(name) ? found.get(name) : undefined
      show(byId(`note-${name}`), reason)
      const inputs = name === 'data' ? this.#rows.querySelectorAll('input') : [this.#inputs.get(name)]
      for (const input of inputs) input.setAttribute('aria-invalid', String(Boolean(reason)))
    }
  }
}

/** What a member may be, or instead of it what is wrong. */
function note(name, hint) {
  return el('p', { className: 'hint', id: `note-${name}`, 'data-hint': hint }, hint)
}

function show(note, fault) {
  note.className = fault ? 'fault' : 'hint'
  note.textContent = fault ?? note.dataset.hint
}

let pointerIsDown = false
for (const event of ['pointerdown', 'pointerup', 'pointercancel']) {
  addEventListener(event, () => (pointerIsDown = event === 'pointerdown'), { capture: true })
}

/** A message that appears between the press and the release of a button would move the button away from under it. */
function afterPointer(work) {
  if (!pointerIsDown) return work()
  const released = () => {
    for (const event of ['pointerup', 'pointercancel']) removeEventListener(event, released)
    setTimeout(work)
  }
  for (const event of ['pointerup', 'pointercancel']) addEventListener(event, released)
}
