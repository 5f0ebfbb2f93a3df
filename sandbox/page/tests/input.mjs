/** What is typed: told what is wrong with it, sent as it is if that is wished, and never lost. */

import assert from 'node:assert/strict'
import { FIELDS } from './contract.mjs'
import { answerTo, onPage, openMore, region } from './harness.mjs'

/** No member's rule takes it: too long, and beyond ASCII. */
const BAD = 'é'.repeat(255)

/** What is told at a member: nothing, as long as its hint is there. */
const fault = async (page, name) => ((await page.getAttribute(`#note-${name}`, 'class')) === 'fault' ? page.innerText(`#note-${name}`) : '')

onPage('every bad member is named with its rule, in the service’s own words', {}, async (page) => {
  await openMore(page)
  for (const name of FIELDS) await page.fill(`#member-${name}`, BAD)
  await page.getByLabel('data: key').fill('k'.repeat(65))
  await page.click('#send')

  const said = await page.locator('#summary li').allInnerTexts()
  assert.equal(said.length, FIELDS.length + 1)
  assert.ok(await page.evaluate(() => document.activeElement.id === 'summary'))
  for (const name of [...FIELDS, 'data']) {
    assert.match(await fault(page, name), /^must /, 'without the name, which is above it')
  }
  assert.equal(await page.getAttribute('#member-dob', 'aria-invalid'), 'true')
  await page.getByRole('link', { name: /^dob must/ }).click()
  assert.ok(await page.evaluate(() => document.activeElement.id === 'member-dob'))

  const answered = await answerTo(page, '#send-anyway')
  assert.match(answered, /HTTP 400 TOK400/)
  const { errors } = JSON.parse(await region(page, 'The answer in JSON'))
  // The page alone adds which character breaks the rule.
  assert.ok(said.some((line) => line.endsWith('(U+00E9 at character 1)')))
  const rules = said.map((line) => line.replace(/ \(U\+00E9 at character 1\)$/, ''))
  assert.deepEqual(errors.map(({ field, reason }) => `${field} ${reason}`).sort(), rules.sort())
})

onPage('a fault in a folded member unfolds it', {}, async (page) => {
  const isOpen = () => page.locator('#more').evaluate(({ open }) => open)
  await page.fill('#member-accountNumber', 'x')
  await page.click('#send')
  assert.equal(await isOpen(), false, 'a fault of what is in sight unfolds nothing')
  await openMore(page)
  await page.fill('#member-dob', '19910230')
  await openMore(page)
  assert.equal(await isOpen(), false)
  await page.click('#send')
  assert.equal(await isOpen(), true)
  assert.ok(await page.locator('#note-dob').isVisible())
  await openMore(page)
  await page.getByRole('link', { name: /^dob must/ }).click()
  assert.equal(await page.evaluate(() => document.activeElement.id), 'member-dob')
  await page.reload()
  await page.waitForSelector('#break-replay')
  assert.equal(await isOpen(), true, 'kept with what was typed')
}, [
  ['stays folded', 'form.js', 'this.faults.some(', '[].some('],
  ['its link leads nowhere', 'form.js', 'if (field !== REQUIRED) this.#more.open', 'if (false) this.#more.open'],
  ['unfolds for any fault', 'form.js', '({ field }) => field !== REQUIRED)) this', '() => true)) this'],
])

onPage('the folded members say which of them are filled in', {}, async (page) => {
  const filled = () => page.innerText('#more-filled')
  assert.equal(await filled(), 'name, email, dob, isdCode, mobileNumber, data')
  await openMore(page)
  for (const name of ['name', 'email', 'dob', 'isdCode', 'mobileNumber']) await page.fill(`#member-${name}`, '')
  await page.getByRole('button', { name: 'Remove this entry' }).click()
  assert.equal(await filled(), 'none is filled in')
})

onPage('the summary of what is wrong stays true, and goes with its mode', {}, async (page) => {
  const summary = page.locator('#summary')
  await openMore(page)
  await page.fill('#member-dob', 'x')
  await page.fill('#member-email', 'x')
  await page.click('#send')
  assert.match(await summary.innerText(), /2 rules are broken/)
  await page.fill('#member-dob', '19910807')
  assert.match(await summary.innerText(), /a rule is broken/)
  await page.check('#mode-json')
  assert.ok(await summary.isHidden())
  assert.ok(await page.locator('#send-anyway').isHidden())
  await page.check('#mode-form')
  await page.click('#send')
  await page.fill('#member-email', '')
  assert.ok(await summary.isHidden())
}, [
  ['it outlives its mode', 'main.js', 'form.mode === reviewed ? form.faults : []', 'form.faults'],
  ['it says what was wrong', 'main.js', "if (!byId('summary').hidden) showSummary", "if (form.mode !== reviewed) showSummary"],
])

onPage('a fault is told when a field is left, and goes when it is corrected', {}, async (page) => {
  await openMore(page)
  await page.fill('#member-dob', '31021990')
  assert.equal(await fault(page, 'dob'), '')
  assert.match(await page.innerText('#note-dob'), /^yyyyMMdd or/)
  await page.press('#member-dob', 'Tab')
  assert.match(await fault(page, 'dob'), /^must be a real date/)
  assert.doesNotMatch(await page.innerText('#more'), /yyyyMMdd or ddMMyyyy, from/, 'in the place of the hint')
  await page.fill('#member-dob', '28021990')
  assert.equal(await fault(page, 'dob'), '')
  await page.fill('#member-accountNumber', '')
  await page.click('#send')
  assert.match(await fault(page, 'accountNumber'), /^is required/)
  await page.fill('#member-accountNumber', '0001')
  assert.match(await answerTo(page, '#send'), /HTTP 200/)
  assert.ok(await page.locator('#summary').isHidden())
  assert.equal(JSON.parse(await region(page, 'Claims of the token')).sub, '0001')
})

onPage('entries of data are added, removed, and not lost if they are twice there', {}, async (page) => {
  await openMore(page)
  await page.click('#add-row')
  assert.equal(await page.evaluate(() => document.activeElement.placeholder), 'key')
  const keys = page.getByLabel('data: key')
  await keys.nth(1).fill('branch')
  await page.getByLabel('data: value').nth(1).fill('another')
  await page.click('#send')
  assert.match(await fault(page, 'data'), /^has the member "branch" twice/)
  await keys.nth(1).fill('note')
  await answerTo(page, '#send')
  assert.deepEqual(JSON.parse(await region(page, 'The request in JSON')).data, { branch: 'main street', note: 'another' })
  await page.getByRole('button', { name: 'Remove this entry' }).first().click()
  await answerTo(page, '#send')
  assert.deepEqual(JSON.parse(await region(page, 'The request in JSON')).data, { note: 'another' })
})

onPage('raw JSON is told where it breaks', {}, async (page) => {
  await page.check('#mode-json')
  assert.match(await page.inputValue('#json'), /"<fresh public key>"/)
  for (const [json, said] of [
    ['', /is not JSON: at line 1, column 1, where it ends, a value was expected/],
    ['{\n  "a": 1,\n}', /line 3, column 1, a member's name in "double quotes" was expected/],
    ['{"accountNumber": 012}', /The text is not JSON: at line 1, column 20, a comma or } was expected/],
    ['[]', /is not an object/],
    ['{"dob":"19910807","dob":"19910807"}', /dob has the member "dob" twice/],
    ['{"accountNumber":"1","data":{"a":{"b":{}}}}', /data must have strings as values/],
    [`{"x":${'['.repeat(8)}${']'.repeat(8)}}`, /x is nested deeper than 8/],
    ['{"referenceId":"r","sdkPublicKey":"<fresh public key>","sdkApiKey":"A","accountNumber":1.0}', /accountNumber must be 1-19 digits/],
    ['{"accountNumber":"\u0661\u0662"}', /accountNumber must be 1-19 digits 0-9, .* \(U\+0661 at character 1\)/],
    ['{"mobileNumber":"+91 5"}', /mobileNumber .* \(U\+0020 at character 4\)/],
    ['{"data":{"branch":"x","count":7}}', /data must have strings as values \(see "count"\)/],
    ['{“a”: 1}', /line 1, column 2/],
  ]) {
    await page.fill('#json', json)
    assert.match(await page.innerText('#json-fault'), said, json)
  }
  await page.click('#send')
  assert.match(await page.innerText('#summary'), /Not sent/)
  assert.match(await answerTo(page, '#send-anyway'), /HTTP 400 TOK400/)
  assert.match(await region(page, 'The request in JSON'), /“a”/)
  assert.match(await page.innerText('#verdict'), /The JSON inside is at fault/)
})

onPage('raw JSON is sent digit by digit, with what is to be filled in', {}, async (page) => {
  await page.check('#mode-json')
  await page.fill('#json', '{"referenceId":"<new UUID>","sdkPublicKey":"<fresh public key>","sdkApiKey":"<the partner\'s sdkApiKey>","accountNumber":1234567890123456789,"unknown":[1]}')
  assert.equal(await page.innerText('#json-fault'), '')
  assert.match(await answerTo(page, '#send'), /HTTP 200/)
  assert.match(await region(page, 'The request in JSON'), /"accountNumber": 1234567890123456789,/)
  assert.equal(JSON.parse(await region(page, 'Claims of the token')).sub, '1234567890123456789')
})

onPage('a reload, and going to and fro, lose nothing', {}, async (page) => {
  await page.selectOption('#key', 'acme-2026-05')
  await page.uncheck('#name-kid')
  await page.selectOption('#path', { index: 1 })
  await openMore(page)
  await page.fill('#member-name', 'Zoë “quoted” <b>')
  await page.fill('#member-dob', 'not yet')
  await page.click('#add-row')
  await page.getByLabel('data: key').nth(1).fill('half')
  await page.check('#mode-json')
  assert.match(await page.inputValue('#json'), /Zoë “quoted” <b>/)
  await page.fill('#json', '{"half typed')
  await page.check('#mode-form')
  await page.check('#mode-json')
  assert.equal(await page.inputValue('#json'), '{"half typed')

  await page.reload()
  await page.waitForSelector('#break-replay')

  assert.ok(await page.isChecked('#mode-json'))
  assert.equal(await page.inputValue('#json'), '{"half typed')
  await page.click('#json-from-form')
  assert.match(await page.inputValue('#json'), /Zoë/)
  await page.click('#json-undo')
  assert.equal(await page.inputValue('#json'), '{"half typed')
  await page.getByRole('button', { name: 'Reset from the form' }).click()
  await page.check('#mode-form')
  await page.fill('#member-accountNumber', '777')
  await page.check('#mode-json')
  assert.match(await page.inputValue('#json'), /"777"/, 'once reset, it is the form\'s again')
  await page.click('#json-undo')
  await page.check('#mode-form')
  assert.equal(await page.inputValue('#member-name'), 'Zoë “quoted” <b>')
  assert.equal(await page.inputValue('#member-dob'), 'not yet')
  assert.equal(await page.getByLabel('data: key').nth(1).inputValue(), 'half')
  assert.equal(await page.inputValue('#key'), 'acme-2026-05')
  assert.equal(await page.inputValue('#path'), '/token-service/client/server/new/token')
  assert.ok(!(await page.isChecked('#name-kid')))
})

onPage('what is typed is text, and no markup', {}, async (page) => {
  const markup = '<img src=x onerror=alert(1)>'
  await openMore(page)
  await page.fill('#member-name', markup)
  assert.match(await answerTo(page, '#send'), /HTTP 200/)
  assert.ok((await region(page, 'The request in JSON')).includes(markup))
  assert.equal(await page.locator('img').count(), 0)
})
