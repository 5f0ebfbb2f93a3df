/** For every eye and hand: phone, dark and light, keyboard, names, contrast. Counted here, not judged: see screenshots/. */

import assert from 'node:assert/strict'
import { FIELDS } from './contract.mjs'
import { answerTo, onPage, openMore, unfold, verdict } from './harness.mjs'

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }

for (const colorScheme of ['light', 'dark']) {
  onPage(`a phone in the ${colorScheme}`, { ...PHONE, colorScheme }, async (page) => {
    const fits = async (when) => {
      const wide = await page.evaluate(() => ({
        page: document.documentElement.scrollWidth,
        beyond: [...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > innerWidth + 0.5).map((it) => it.outerHTML.slice(0, 80)),
      }))
      assert.deepEqual(wide, { page: 360, beyond: [] }, when)
    }
    await fits('at first')
    await answerTo(page, '#send')
    await fits('with a token')
    await unfold(page)
    await fits('with every step open')
    await page.waitForFunction(() => {
      const { top, bottom } = document.getElementById('verdict').getBoundingClientRect()
      return top >= 0 && bottom <= innerHeight
    })
    await page.locator('.recent summary').first().click()
    await fits('with a request opened')
    await answerTo(page, '#break-plain-json')
    await fits('with a fault')
    await page.fill('#member-accountNumber', 'x'.repeat(200))
    await page.click('#send')
    await fits('with a summary')
    await page.check('#mode-json')
    await page.fill('#json', `{"${'x'.repeat(300)}`)
    await fits('with raw JSON')
    await page.selectOption('#outage-dynamodb', 'stalling')
    await page.locator('#outage-banner').waitFor()
    await fits('with an outage')
    await page.selectOption('#outage-dynamodb', '')
    await page.locator('#outage-banner').waitFor({ state: 'hidden' })
    const small = await page.locator('button:visible').evaluateAll((all) => all.filter((it) => it.getBoundingClientRect().height < 31.9).map((it) => it.textContent))
    assert.deepEqual(small, [], 'buttons for a thumb')
  })

  onPage(`contrast in the ${colorScheme}`, { colorScheme }, async (page) => {
    await answerTo(page, '#send')
    await page.locator('.recent summary').first().click()
    await unfold(page)
    assert.deepEqual(await poorContrast(page), [])
    await answerTo(page, '#break-bad-date')
    await openMore(page)
    await page.fill('#member-dob', 'x')
    await page.click('#send')
    await page.selectOption('#outage-dynamodb', 'throttling')
    await page.locator('#outage-banner').waitFor()
    assert.deepEqual(await poorContrast(page), [])
    await page.selectOption('#outage-dynamodb', '')
    await page.locator('#outage-banner').waitFor({ state: 'hidden' })
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number))
    assert.equal(Math.max(...ground) < 60, colorScheme === 'dark')
  })
}

/** Texts below 4.5:1 (WCAG 2.2, 1.4.3), and edges of fields below 3:1 (1.4.11). */
function poorContrast(page) {
  return page.evaluate(() => {
    const rgb = (color) => color.match(/[\d.]+/g).map(Number)
    const light = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
      return 0.2126 * x + 0.7152 * y + 0.0722 * z
    }
    const ratio = (a, b) => {
      const [high, low] = [light(a), light(b)].sort((x, y) => y - x)
      return (high + 0.05) / (low + 0.05)
    }
    const ground = (it) => {
      for (let at = it; at; at = at.parentElement) {
        const color = rgb(getComputedStyle(at).backgroundColor)
        if (color.length === 3 || color[3] === 1) return color
      }
      return [255, 255, 255]
    }
    const poor = []
    for (const it of document.querySelectorAll('body *')) {
      if (!it.checkVisibility()) continue
      const style = getComputedStyle(it)
      const hasText = [...it.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim())
      const isField = it.matches('input:not([type="checkbox"], [type="radio"]), select, textarea')
      if ((hasText || isField) && ratio(rgb(style.color), ground(it)) < 4.5) poor.push(`text ${it.outerHTML.slice(0, 90)}`)
      if (it.matches('input[placeholder]') && ratio(rgb(getComputedStyle(it, '::placeholder').color), ground(it)) < 4.5) poor.push(`placeholder ${it.id}`)
      if (isField && ratio(rgb(style.borderTopColor), ground(it.parentElement)) < 3) poor.push(`edge ${it.id}`)
    }
    return poor
  })
}

onPage('by keyboard only', {}, async (page) => {
  const focused = () =>
    page.evaluate(() => {
      const it = document.activeElement
      const { outlineStyle, outlineWidth } = getComputedStyle(it)
      return { id: it.id, tag: it.tagName, top: it.getBoundingClientRect().top + scrollY, ring: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 }
    })
  const walkTo = async (id) => {
    const passed = []
    for (let i = 0; i < 80; i += 1) {
      await page.keyboard.press('Tab')
      const it = await focused()
      passed.push(it)
      assert.ok(it.ring, `${it.tag} ${it.id} shows that it has the focus`)
      if (it.id === id) return passed
    }
    assert.fail(`${id} is not reached: ${passed.map((it) => it.id)}`)
  }
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip')
  await walkTo('member-accountNumber')
  await page.keyboard.press('Control+A')
  await page.keyboard.type('00042')
  await walkTo('more-summary')
  await page.keyboard.press('Enter')
  const passed = await walkTo('send')
  const ids = passed.map(({ id }) => id).filter((id) => id.startsWith('member-'))
  assert.deepEqual(ids.toSorted(), FIELDS.filter((name) => name !== 'accountNumber').map((name) => `member-${name}`).toSorted())
  const tops = passed.filter(({ id }) => ids.includes(id)).map(({ top }) => top)
  assert.deepEqual(tops, tops.toSorted((a, b) => a - b), 'down the page, and never up')
  await page.keyboard.press('Enter')
  assert.match(await verdict(page), /HTTP 200/)
  assert.equal((await focused()).id, 'send', 'the focus stays')
  await walkTo('break-wrong-api-key')
  await page.keyboard.press('Space')
  await page.getByText('The API key is not accepted').first().waitFor()
  await walkTo('break-secrets-down-cold')
  // Every step is opened, and its blocks are passed.
  const reached = []
  for (let i = 0; i < 60 && !reached.includes('recent'); i += 1) {
    await page.keyboard.press('Tab')
    const where = await page.evaluate(() => document.activeElement.closest('.step, .recent')?.className)
    const { tag, ring } = await focused()
    assert.ok(ring)
    if (where === 'recent') break
    reached.push(tag)
    if (tag === 'SUMMARY' && !(await page.evaluate(() => document.activeElement.parentElement.open))) await page.keyboard.press('Enter')
  }
  assert.equal(reached.filter((tag) => tag === 'SUMMARY').length, 4)
  assert.equal(reached.filter((tag) => tag === 'PRE').length, 5, 'blocks can be scrolled')
  await page.keyboard.press('Enter')
  assert.ok(await page.locator('.recent details[open]').count())
  await page.waitForTimeout(2500)
  assert.ok(await page.locator('.recent details[open]').count(), 'stays open while the list goes on')
  assert.equal((await focused()).tag, 'SUMMARY')
})

onPage('everything has a name, and results are announced', {}, async (page) => {
  await answerTo(page, '#send')
  const flaws = await page.evaluate(() => {
    const found = []
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id ${id} is twice there`)
    for (const it of document.querySelectorAll('[aria-describedby], [aria-labelledby]')) {
      for (const id of `${it.getAttribute('aria-describedby') ?? ''} ${it.getAttribute('aria-labelledby') ?? ''}`.trim().split(/\s+/)) {
        if (!document.getElementById(id)) found.push(`${it.id} refers to ${id}, which is not there`)
      }
    }
    for (const it of document.querySelectorAll('input, select, textarea, button, [role="region"], progress')) {
      const name = it.getAttribute('aria-label') ?? (it.labels?.length ? it.labels[0].textContent : it.tagName === 'BUTTON' ? it.textContent : '')
      if (!name.trim()) found.push(`no name: ${it.outerHTML.slice(0, 80)}`)
    }
    let level = 0
    for (const { tagName, textContent } of document.querySelectorAll('h1, h2, h3, h4')) {
      if (Number(tagName[1]) > level + 1) found.push(`${textContent} skips a level`)
      level = Number(tagName[1])
    }
    return found
  })
  assert.deepEqual(flaws, [])
  assert.equal(await page.getAttribute('html', 'lang'), 'en')
  assert.equal(await page.getAttribute('#verdict', 'aria-live'), 'polite')
  for (const role of ['main', 'banner']) assert.equal(await page.getByRole(role).count(), 1)
})

onPage('one thing at a time', {}, async (page) => {
  await page.click('#break-dynamodb-stalling')
  await page.waitForSelector('#send[aria-disabled="true"]')
  await page.getByText('On its way').waitFor()
  await page.locator('#send').click({ force: true })
  assert.match(await verdict(page), /TOK503/)
  assert.equal(await page.getAttribute('#send', 'aria-disabled'), 'false')
})
