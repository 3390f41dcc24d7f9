// Somebody who signs in on the pages of an authorization server and says yes or no there, without a browser: what an
// assistant's redirectToAuthorization() leads to. The pages are those that a browser without scripts gets.
//
// Started as a program it is what BROWSER names: it answers the URL it is given and follows the answer to the client.

import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from './report.mjs'

const ana = 'ana@demo.flowpos.app'

/**
 * answer goes through the pages as one of the demo's people and returns the URL that the assistant is to get, as a URL. no: to
 * refuse; scopes: tick those, or 'all' (default: leave them as they are); businesses: how many to tick (default: all).
 */
export async function answer(url, { person = ana, no = false, scopes, businesses } = {}) {
  const browser = new Browser()
  let page = await browser.open(url)
  if (!formWith(page, 'decision', 'approve')) {
    const form = formWith(page, 'person', person)
    expect(form, `no form signs ${person} in`, about(page))
    page = await browser.send(page, form, [...hidden(form), ['person', person]])
  }
  const form = formWith(page, 'decision', no ? 'refuse' : 'approve')
  expect(form, 'no form asks for a decision', about(page))
  const boxes = form.fields.filter((f) => f.type === 'checkbox')
  const ticked = [
    ...boxes.filter((f) => f.name === 'business').slice(0, businesses),
    ...boxes.filter((f) => f.name === 'scope' && (scopes === undefined ? f.checked !== undefined : scopes === 'all' || scopes.includes(f.value))),
  ]
  const fields = [...hidden(form), ...ticked.map((f) => [f.name, f.value]), ['decision', no ? 'refuse' : 'approve']]
  page = await browser.send(page, form, fields)
  const [deliver] = tags(page.text, 'div').filter((tag) => tag.id === 'deliver')
  expect(deliver?.['data-to'], 'the page leads nowhere', about(page))
  const [link] = tags(page.text, 'a').filter((tag) => tag.id === 'deliver-link')
  expect(link?.href === deliver['data-to'], 'the link leads elsewhere than the script', { link, deliver })
  return new URL(deliver['data-to'])
}

/** Browser keeps cookies and follows redirects within one origin. */
class Browser {
  #cookies = new Map()

  async open(url) {
    return this.#go(new URL(url), { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' } })
  }

  async send(page, form, fields) {
    return this.#go(new URL(form.action, page.url), {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { Origin: page.url.origin, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'navigate' },
    })
  }

  async #go(url, init) {
    for (let i = 0; i < 10; i++) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, Accept: 'text/html', ...(cookie && { Cookie: cookie }) } })
      for (const line of answer.headers.getSetCookie()) this.#keep(line)
      const text = await answer.text()
      if (answer.status < 300 || answer.status > 399) return { status: answer.status, url, text }
      const to = new URL(answer.headers.get('location'), url)
      expect(to.origin === url.origin, `a redirect away from the pages, to ${to}`)
      url = to
      init = { headers: { 'Sec-Fetch-Site': init.headers['Sec-Fetch-Site'], 'Sec-Fetch-Mode': 'navigate' } }
    }
    expect(false, 'redirects without end', String(url))
  }

  #keep(line) {
    const [pair, ...rest] = line.split(';').map((part) => part.trim())
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    if (rest.some((part) => /^max-age=(0|-)/i.test(part))) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}

/** formWith finds the first form with such a field; by name alone or with its value. */
function formWith(page, name, value) {
  return forms(page.text).find((form) => form.fields.some((f) => f.name === name && (value === undefined || f.value === value)))
}

const hidden = (form) => form.fields.filter((f) => f.tag === 'input' && f.type === 'hidden').map((f) => [f.name, f.value ?? ''])

function forms(html) {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/gi)].map(([text]) => ({
    action: tags(text, 'form')[0].action,
    fields: [...tags(text, 'input'), ...tags(text, 'button')].filter((f) => f.name && f.disabled === undefined),
  }))
}

/** tags are the start tags of an element with their attributes, whose order and quoting do not matter. */
function tags(html, element) {
  return [...html.matchAll(new RegExp(`<${element}\\b((?:[^>"']|"[^"]*"|'[^']*')*)>`, 'gi'))].map(([, inside]) => {
    const tag = { tag: element }
    for (const [, name, a, b, c] of inside.matchAll(/([^\s=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s]+)))?/g)) tag[name.toLowerCase()] = decode(a ?? b ?? c ?? '')
    return tag
  })
}

function decode(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(amp|lt|gt|quot|apos));/gi, (_, hex, dec, name) => (name ? named[name.toLowerCase()] : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(dec))))
}

/** about is what a page says, for a failed check. */
function about(page) {
  const text = page.text.replace(/<(script|style)[\s\S]*?<\/\1>/gi, '').replace(/<[^>]*>/g, ' ')
  return `${page.status} ${page.url}\n${decode(text).replace(/\s+/g, ' ').trim()}`
}

/** opensBROWSER says whether programs here open what BROWSER names, as xdg-open does. */
export const opensBROWSER = process.platform === 'linux'

/** asBrowser writes a program into a folder that does for BROWSER what script does, and returns its path. */
export async function asBrowser(dir, script = fileURLToPath(import.meta.url), ...args) {
  const file = path.join(dir, 'browser')
  const words = [process.execPath, script, ...args].map((word) => `'${word}'`).join(' ')
  await writeFile(file, `#!/bin/sh\nexec ${words} "$1" >>'${file}.log' 2>&1\n`)
  await chmod(file, 0o755)
  return file
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const to = await answer(process.argv.at(-1))
  const got = await fetch(to)
  console.log(`${to.origin}${to.pathname} answers ${got.status}`)
  process.exit(got.ok ? 0 : 1)
}
