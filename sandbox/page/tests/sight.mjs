/** What a person sees without scrolling: how to send at first, and what was answered after everything that sends. */

import assert from 'node:assert/strict'
import { answerTo, onPage, verdict } from './harness.mjs'

const SIZES = [
  { width: 390, height: 844 },
  { width: 1280, height: 900 },
  { width: 1920, height: 1080 },
]
/** Buttons that send nothing to the token service. */
const SEND_NOTHING = ['add-row', 'json-from-form', 'json-undo', 'cold-start']
const BREAK_BUTTONS = 17

for (const viewport of SIZES) {
  const isPhone = viewport.width < 960
  const options = { viewport, isMobile: isPhone, hasTouch: isPhone, reducedMotion: 'reduce' }
  // On the largest screen too little must be scrolled for a bug to show.
  const at = (width, bug) => (viewport.width === width ? [bug] : [])

  onPage(`what was answered is in sight at ${viewport.width} x ${viewport.height}`, options, async (page) => {
    await look(page, 'send', isPhone)
    const ids = await page.locator('button[id]').evaluateAll((all) => all.map(({ id }) => id))
    const senders = ids.filter((id) => !SEND_NOTHING.includes(id) && id !== 'send-anyway')
    assert.equal(senders.filter((id) => id.startsWith('break-')).length, BREAK_BUTTONS)
    for (const id of senders) await look(page, id, isPhone)
    await look(page, 'session-introspect', isPhone)
    await look(page, 'session-renew', isPhone)
    await page.fill('#member-accountNumber', 'none')
    await page.click('#send')
    await look(page, 'send-anyway', isPhone)
  }, [
    ...at(390, ['nothing scrolls to it', 'main.js', 'if (top < 0 || bottom > innerHeight) result', 'if (false) result']),
    ...at(390, ['the page scrolls although it is there', 'main.js', 'if (top < 0 || bottom > innerHeight) result', 'result']),
    ...at(1280, ['it goes away with the page', 'style.css', 'position: sticky;', '']),
    ...at(1280, ['what was scrolled stays so', 'main.js', 'result.scrollTop = 0', '']),
    ...at(1280, ['the page jumps', 'main.js', 'if (top < 0 || bottom > innerHeight) result', 'result']),
  ])

  onPage(`the first view at ${viewport.width} x ${viewport.height}`, options, async (page) => {
    const within = (selector) => page.locator(selector).evaluateAll((all) => all.filter((it) => it.getBoundingClientRect().bottom <= innerHeight).map((it) => it.textContent))
    assert.equal(await page.evaluate(() => scrollY), 0)
    assert.deepEqual(await within('#send'), ['Encrypt and send'])
    const titles = await page.locator('#steps h4').allInnerTexts()
    if (!isPhone) {
      assert.deepEqual(await within('#steps h4'), titles, 'the steps are what there is to look at')
      await page.check('#mode-json')
      assert.deepEqual(await within('#send'), ['Encrypt and send'])
      await page.check('#mode-form')
    }
    await answerTo(page, '#send')
    assert.deepEqual(await page.locator('#steps h4').allInnerTexts(), titles, 'and they are those of a token')
    for (const select of await page.locator('select').all()) {
      assert.deepEqual(await select.evaluate(cutOff), [], await select.getAttribute('id'))
    }
  }, [
    ...at(1280, ['no member is folded', 'form.js', 'isMoreOpen = false', 'isMoreOpen = true']),
    ...at(390, ['a path that is too long to read', 'main.js', 'older: resCode is a number, as 100', '/token-service/client/server/new/token (older, resCode is a number)']),
    ...at(1280, ['a step has another name', 'steps.js', "step('The body', who, ...jwe", "step('The JWE', who, ...jwe"]),
  ])
}

/** Presses a button that is in sight, from as far from the answer as that allows. */
async function look(page, id, isPhone) {
  const button = page.locator(`#${id}`)
  await page.locator('#result').evaluate((it) => it.scrollTo(0, it.scrollHeight))
  // Not where the page scrolls to by itself, so that it shows if it does.
  await page.evaluate(() => scrollBy(0, -20))
  await button.scrollIntoViewIfNeeded()
  const before = await page.evaluate(() => scrollY)
  await button.click()
  const said = await verdict(page)
  const seen = await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => {
    const outOfSight = ['.badge', 'h3', '.errors'].filter((what) => {
      const it = document.querySelector(`#verdict ${what}`)
      if (!it) return false
      const { top, bottom, left, right } = it.getBoundingClientRect()
      const corners = [[left + 4, top + 4], [right - 4, bottom - 4]]
      return !corners.every(([x, y]) => it.closest('#verdict').contains(document.elementFromPoint(x, y)))
    })
    const { top, bottom } = document.getElementById('verdict').getBoundingClientRect()
    const reasons = document.querySelectorAll('#verdict .errors li').length
    resolve({ outOfSight, top, bottom, height: innerHeight, scrolled: scrollY, reasons })
  })))
  assert.deepEqual(seen.outOfSight, [], `after ${id}: out of sight at ${seen.top}`)
  if (!/HTTP 200/.test(said)) assert.ok(seen.reasons > 0, `after ${id}: no reason`)
  const moved = seen.scrolled - before
  const wasInSight = seen.top + moved >= 0 && seen.bottom + moved <= seen.height
  if (!isPhone || wasInSight) assert.equal(moved, 0, `after ${id}: the page jumped`)
}

/** The options of a list whose text is wider than the list. */
function cutOff(select) {
  const style = getComputedStyle(select)
  const context = document.createElement('canvas').getContext('2d')
  context.font = style.font
  const arrow = 24
  const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow
  return [...select.options].map(({ text }) => text).filter((text) => context.measureText(text).width > room)
}

onPage('the answer is open, and the steps to it are closed, a line each', {}, async (page) => {
  const shown = () =>
    page.locator('#steps > details').evaluateAll((all) => all.map((it) => ({
      title: it.querySelector('h4').textContent,
      open: it.open,
      lines: Math.round(it.querySelector('.gist').getBoundingClientRect().height / parseFloat(getComputedStyle(it.querySelector('.gist')).lineHeight)),
    })))
  const open = async () => (await shown()).filter((it) => it.open).map(({ title }) => title)
  await answerTo(page, '#send')
  assert.deepEqual(await open(), ['The answer, opened'])
  assert.equal((await shown()).length, 8)
  assert.deepEqual((await shown()).map(({ lines }) => lines), Array(8).fill(1))
  await answerTo(page, '#break-wrong-key')
  assert.deepEqual(await open(), ['The HTTP answer'])
  await answerTo(page, '#session-introspect')
  assert.deepEqual(await open(), ['The answer in JSON'])
  await page.getByText('The body', { exact: true }).click()
  await page.getByText('The answer in JSON', { exact: true }).click()
  assert.deepEqual(await open(), ['The body'])
  await answerTo(page, '#session-introspect')
  assert.deepEqual(await open(), ['The body'], 'as a person chose')
  await answerTo(page, '#break-replay')
  assert.deepEqual(await open(), ['The body', 'The answer, opened'])
}, [
  ['every step is open', 'steps.js', '(chosen.get(title) ?? isAnswer)', 'true'],
  ['what a person chose is forgotten', 'steps.js', '(chosen.get(title) ?? isAnswer)', 'isAnswer'],
])
