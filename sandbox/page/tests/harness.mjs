/**
 * The sandbox as `make local` runs it, a browser, and pages that are watched: a request to another origin, an error on the
 * console or a broken policy fails the test that it happens in.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { chromium } from 'playwright-core'

const SCREENSHOTS = new URL('screenshots/', import.meta.url)
const CHROMIUM_FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
/** A build without optimisation, on a machine with two busy cores. */
export const PATIENCE = 30_000

export const stack = { url: undefined, child: undefined, lines: [] }
let browser

test.before(async () => {
  rmSync(SCREENSHOTS, { recursive: true, force: true })
  mkdirSync(SCREENSHOTS, { recursive: true })
  await startSandbox()
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: CHROMIUM_FLAGS })
})

test.after(async () => {
  await browser?.close()
  await stopSandbox()
})

/** Starts `token-sandbox local` and reads its URL from what it prints. */
export async function startSandbox(port) {
  const child = spawn(process.env.SANDBOX, ['local', ...(port ? ['--port', String(port)] : [])], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stderr.on('data', (data) => stack.lines.push(String(data)))
  stack.child = child
  for await (const line of createInterface(child.stdout)) {
    const [, url] = /(http:\S+)\/sandbox\/$/.exec(line) ?? []
    if (!url) continue
    stack.url = url
    child.stdout.resume()
    return
  }
  throw new Error(`token-sandbox local printed no URL of the page:\n${stack.lines.join('')}`)
}

export async function stopSandbox() {
  const { child } = stack
  if (!child || child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

/**
 * A test on the opened page. `options` are the browser context's, and `allowed`: a pattern of what may be on the console
 * besides the answers of the token service that are no 200, which Chromium calls errors. Each of `bugs` is what `plant`
 * takes after its name, and with it the same test must fail.
 */
export function onPage(name, options, body, bugs = []) {
  const { allowed, ...context } = options
  watched(name, { allowed, context }, body)
  for (const [bug, ...change] of bugs) {
    watched(`${name} - planted: ${bug}`, { allowed: /./, context }, async (page, session) => {
      await plant(page, session, ...change)
      await assert.rejects(body(page, session), { name: 'AssertionError' }, 'the test does not see the bug')
    })
  }
}

/** Plants a bug in the page: `wrong` for what is `right` in a file of it. */
export async function plant(page, session, file, right, wrong) {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
  assert.equal(text.split(right).length, 2, `${file} has it once: ${right}`)
  const contentType = file.endsWith('.css') ? 'text/css' : 'text/javascript'
  await session.route(`**/${file}`, (route) => route.fulfill({ body: text.replace(right, () => wrong), contentType }))
  await page.reload()
  await page.waitForSelector('#break-replay')
}

function watched(name, { allowed, context }, body) {
  test(name, { timeout: 240_000 }, async () => {
    const session = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context })
    session.setDefaultTimeout(PATIENCE)
    const faults = []
    const page = await session.newPage()
    await session.route('**', (route) => {
      const url = route.request().url()
      if (url.startsWith(`${stack.url}/`)) return route.fallback()
      faults.push(`a request to ${url}`)
      return route.abort()
    })
    page.on('websocket', (socket) => faults.push(`a socket to ${socket.url()}`))
    page.on('pageerror', (error) => faults.push(error.stack))
    page.on('console', (message) => {
      const expected = /Failed to load resource/.test(message.text()) && message.location().url.includes('/token-service/')
      if (message.type() === 'error' && !expected && !allowed?.test(message.text())) faults.push(message.text())
    })
    try {
      await page.goto(`${stack.url}/sandbox/`)
      await page.waitForSelector('#break-replay')
      await body(page, session)
      await page.screenshot({ path: shot(name), fullPage: true })
    } catch (error) {
      await page.screenshot({ path: shot(`failed ${name}`), fullPage: true }).catch(() => {})
      throw error
    } finally {
      await session.close()
    }
    assert.deepEqual(faults, [])
  })
}

const shot = (name) => new URL(`${name.replace(/[^a-z0-9]+/gi, '-')}.png`, SCREENSHOTS).pathname

/** Clicks, and gives the verdict's text once the answer is there. */
export async function answerTo(page, selector) {
  await page.click(selector)
  return verdict(page)
}

export async function verdict(page) {
  await page.waitForSelector('#result[aria-busy="false"] #verdict .badge')
  return page.innerText('#verdict')
}

/** The text of a block by its label, in whichever step it is. */
export async function region(page, label) {
  await unfold(page)
  return page.getByRole('region', { name: label, exact: true }).innerText()
}

/** The text of all steps. */
export async function steps(page) {
  await unfold(page)
  return page.innerText('#steps')
}

/** Opens every step, for this answer only. */
export const unfold = (page) => page.locator('#steps').evaluate((all) => all.querySelectorAll('details').forEach((it) => (it.open = true)))

/** The members that need not be filled in. */
export const openMore = (page) => page.click('#more-summary')

/** The line of the list about a request, opened, once its log line is there. */
export async function recentOf(page, requestId) {
  const line = page.locator(`[data-request="${requestId}"]`)
  await line.locator('summary').click()
  await line.getByText(/of the (write|read)/).waitFor()
  return line.innerText()
}

export const requestId = async (page) => /x-request-id: (\S+)/.exec(await region(page, 'Status and headers of the answer'))[1]
