// A real browser, Chromium, in which Ana signs in and lets an assistant in by clicking.
//
// Started as a program it is what BROWSER names: it goes through the pages from the URL it is given to the program that asked.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

let found

/** find is the browser's program: CHROMIUM, what the system has, or what ./chromium gets; undefined when there is none to be had. */
export function find() {
  found ??= spawnSync(fileURLToPath(new URL('chromium', import.meta.url)), { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** withChromium calls fn with a browser of its own, and ends it. */
export async function withChromium(fn) {
  const profile = await mkdtemp(path.join(tmpdir(), 'flowpos-chromium-'))
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: find(),
    headless: true,
    locale: 'es-GT',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  try {
    return await fn(browser)
  } finally {
    await browser.close()
    await rm(profile, { recursive: true, force: true })
  }
}

/** asAna signs in with the demo's development identity. */
const asAna = (page) => page.getByRole('button', { name: 'Entrar como Ana' }).click()

/** approve clicks through the pages, allows everything that is marked in all businesses, and ends at the redirect URI. */
export async function approve(browser, url, signIn = asAna, expected) {
  const allow = async (page) => {
    await signIn(page)
    await page.getByRole('button', { name: 'Permitir', exact: true }).waitFor()
    for (const box of await page.locator('input[name=business][type=checkbox]').all()) await box.check()
    await page.getByRole('button', { name: 'Permitir', exact: true }).click()
    await page.waitForURL((to) => to.origin !== new URL(url).origin)
    return { at: new URL(page.url()), said: await page.locator('body').innerText() }
  }
  return onPage(browser, url, allow, expected)
}

/**
 * onPage calls fn with a page at the URL, and fails when that server's pages complain: a script that threw, a broken policy. What
 * matches expected is no complaint.
 */
export async function onPage(browser, url, fn, expected) {
  const page = await browser.newPage()
  page.setDefaultTimeout(15_000)
  const broken = []
  const ours = (at) => at?.startsWith(new URL(url).origin) // the program's own page is its own business
  page.on('pageerror', (error) => ours(page.url()) && broken.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && ours(message.location().url) && !expected?.test(message.text()) && broken.push(message.text()))
  await page.goto(url)
  const result = await fn(page)
  await page.close()
  if (broken.length > 0) throw new Error(`the pages complain: ${broken.join('; ')}`)
  return result
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { at, said } = await withChromium((browser) => approve(browser, process.argv.at(-1)))
  console.log(`${at.origin}${at.pathname} says ${said.replace(/\s+/g, ' ').slice(0, 100)}`)
}
