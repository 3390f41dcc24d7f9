// The pages of internal/web in a real browser. The Go test that starts this gives in the environment: DEMO and FIREBASE,
// servers with the demo's and Firebase's way of signing in (FIREBASE may be missing), TLS, as DEMO but over TLS, and CLIENT, the site of an assistant,
// which also sets what the next request is like (/set). SHOTS is a folder for pictures.

import { chromium } from 'playwright-core'
import { createRequire } from 'node:module'
import { mkdirSync, readFileSync } from 'node:fs'

const { DEMO, FIREBASE, TLS, CLIENT, SHOTS } = process.env
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
let failed = 0

async function check(name, run) {
  try {
    await run()
    console.log(`ok   ${name}`)
  } catch (error) {
    failed++
    console.log(`FAIL ${name}\n     ${String(error.stack || error).split('\n').slice(0, 12).join('\n     ')}`)
  }
}

function expect(ok, ...what) {
  if (!ok) throw new Error(what.map((w) => (typeof w === 'string' ? w : JSON.stringify(w))).join(' '))
}

const phone = { width: 390, height: 844 }
const small = { width: 320, height: 640 }
const desktop = { width: 1280, height: 800 }

/** open is a fresh browser profile with one page; problems gathers what the console complains about. */
async function open(options = {}) {
  const context = await browser.newContext({ viewport: phone, locale: 'en-US', ...options })
  context.setDefaultTimeout(45_000)
  const page = await context.newPage()
  const problems = []
  const watch = (p) => {
    p.on('console', (m) => { if (m.type() === 'error' || /Content.Security|Refused|violat/i.test(m.text())) problems.push(m.text()) })
    p.on('pageerror', (e) => problems.push(String(e)))
  }
  context.on('page', watch)
  watch(page)
  return { context, page, problems }
}

/** set says what the next authorization is like. */
const set = (what = {}) => fetch(`${CLIENT}/set?${new URLSearchParams(what)}`, { method: 'POST' })
const authorize = (base, to = `${CLIENT}/callback`) => `${base}/authorize?response_type=code&state=st&redirect_uri=${encodeURIComponent(to)}`

async function enter(page, name = 'Ana') {
  await page.getByRole('button', { name: new RegExp(`(Enter as|Entrar como) ${name}`) }).click()
}
async function toConsent(page, name) {
  await page.goto(authorize(DEMO))
  await enter(page, name)
}
async function toSettings(page, name) {
  await page.goto(`${DEMO}/settings/mcp`)
  await enter(page, name)
  await page.locator('#may').waitFor()
}

// Every page, by how a person gets there.
const pages = {
  'sign-in': (page) => page.goto(authorize(DEMO)),
  consent: (page) => toConsent(page),
  'consent-cashier': (page) => toConsent(page, 'Beto'),
  'consent-unvouched': async (page) => {
    await set({ name: 'Cl\u0430ude', redirect: '127.0.0.1', loopback: '1', before: '1' }) // not the Latin a
    await toConsent(page)
  },
  'nothing-chosen': async (page) => {
    await toConsent(page)
    await page.getByRole('button', { name: /^(Allow|Permitir)$/ }).click()
    await page.locator('.alert').waitFor()
  },
  deliver: async (page) => {
    await set({ to: 'nowhere://app/callback' }) // the browser knows no such program, and stays
    await toConsent(page, 'Beto')
    await page.getByRole('button', { name: /^(Allow|Permitir)$/ }).click()
    await page.locator('#deliver').waitFor()
  },
  problem: (page) => page.goto(`${DEMO}/oauth/consent?request=gone`),
  untrusted: async (page) => {
    await set({ fail: 'untrusted' })
    await page.goto(authorize(DEMO))
    await set()
  },
  'settings-out': (page) => page.goto(`${DEMO}/settings/mcp`),
  settings: (page) => toSettings(page),
  'settings-cashier': (page) => toSettings(page, 'Beto'),
  'settings-key': async (page) => {
    await toSettings(page)
    await page.locator('#keys summary').click()
    await page.locator('#label').fill('Reporte de la noche')
    await page.locator('#keys form button.primary').click()
    await page.locator('.fresh').waitFor()
  },
  'settings-token': async (page) => {
    await toSettings(page)
    await page.locator('#token button').click()
    await page.locator('.fresh').waitFor()
  },
}
if (FIREBASE) {
  pages['sign-in-firebase'] = async (page) => {
    await page.goto(authorize(FIREBASE))
    await page.locator('#email').waitFor()
  }
  pages['sign-in-firebase-wrong'] = async (page) => {
    await pages['sign-in-firebase'](page)
    await page.locator('#email').fill('ana@demo.flowpos.app')
    await page.locator('#password').fill('not-it')
    await page.locator('#signin-password button').click()
    await page.locator('#signin-error:not(:empty)').waitFor()
  }
}

await check('these checks notice what is wrong', async () => {
  await set()
  const { context, page, problems } = await open()
  await page.goto(authorize(DEMO))
  await page.evaluate(() => {
    document.documentElement.removeAttribute('lang')
    const style = document.createElement('style')
    style.textContent = 'p { color: #eee }'
    document.head.append(style)
  })
  expect(problems.some((p) => /Content Security Policy/.test(p)), 'an inline style went unnoticed', problems)
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => axe.run())
  expect(violations.some((v) => v.id === 'html-has-lang'), 'axe found nothing')
  await context.close()
})

const quick = process.env.QUICK // one theme and language only
for (const [name, go] of Object.entries(pages)) {
  for (const colorScheme of ['light', 'dark']) {
    for (const [lang, locale] of [['es', 'es-GT'], ['en', 'en-US']]) {
      await check(`${name}, ${colorScheme}, ${lang}: policy, axe, widths`, async () => {
        await set()
        const { context, page, problems } = await open({ colorScheme, locale })
        try {
          await go(page)
          expect(await page.locator('html').getAttribute('lang') === lang, 'not in the language')
          for (const [size, viewport] of Object.entries({ small, phone, desktop })) {
            await page.setViewportSize(viewport)
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
            expect(wide <= 0, `${wide} px too wide at ${viewport.width}`)
            if (SHOTS) {
              mkdirSync(SHOTS, { recursive: true })
              await page.screenshot({ path: `${SHOTS}/${name}-${size}-${colorScheme}-${lang}.png`, fullPage: true })
            }
          }
          await page.setViewportSize(phone)
          const expected = /status of (4\d\d|5\d\d)|nowhere:/ // Chromium's note of an answer that is no 200, or of a program it lacks
          const odd = problems.filter((p) => !expected.test(p))
          expect(odd.length === 0, odd)
          const tall = await page.evaluate(() => [...document.querySelectorAll('button:not([hidden]), a.button, summary, .choice')].filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5).map((e) => e.textContent.trim()))
          expect(tall.length === 0, 'too small to tap:', tall)
          await page.evaluate(axe)
          const { violations } = await page.evaluate(() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
          expect(violations.length === 0, violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary.slice(0, 200)).join(' | ')}`))
        } finally {
          await context.close()
        }
      })
      if (quick) break
    }
    if (quick) break
  }
}

await check('approve with the keyboard alone', async () => {
  await set()
  const { context, page } = await open()
  const focused = () => page.evaluate(() => {
    const e = document.activeElement
    return (e.labels?.[0]?.textContent || e.textContent || '').trim().replace(/\s+/g, ' ')
  })
  const tabTo = async (text) => {
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab')
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
      if ((await focused()).startsWith(text)) {
        expect(outline !== 'none', 'the focus is not seen on', text)
        return
      }
    }
    throw new Error(`Tab never reaches ${text}`)
  }
  await page.goto(authorize(DEMO))
  await tabTo('Enter as Ana')
  await page.keyboard.press('Enter')
  await page.getByText('In which businesses?').waitFor()
  await tabTo('Tienda Quetzal')
  await page.keyboard.press('Enter') // Enter in a checkbox must send nothing
  await page.keyboard.press('Space')
  await tabTo('Make changes')
  await page.keyboard.press('Space')
  await tabTo('Allow')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/callback\?code=c0de/)
  const chosen = await (await fetch(`${CLIENT}/chosen`)).json()
  expect(chosen.Businesses.length === 1 && chosen.Scopes.length === 5, chosen)
  await context.close()
})

await check('what a screen reader is told of the consent page', async () => {
  const { context, page } = await open()
  await toConsent(page)
  const tree = await page.locator('body').ariaSnapshot()
  for (const part of ['heading "Claude wants to connect to FlowPOS" [level=1]', 'group "In which businesses?"', 'checkbox "Tienda Quetzal owner"', 'group "What may it do?"',
    'checkbox "See sales and catalogue', 'region "What it can never do"', 'button "Don’t allow"', 'button "Allow"']) {
    expect(tree.includes(part), 'lacks', part, '\n' + tree)
  }
  await context.close()
})

await check('without JavaScript', async () => {
  const { context, page } = await open({ javaScriptEnabled: false })
  await toConsent(page)
  await page.getByLabel(/Café La Ceiba/).check()
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.getByRole('link', { name: 'Continue' }).click()
  await page.waitForURL(/\/callback\?code=c0de/)
  await toSettings(page)
  expect(!(await page.getByRole('button', { name: /Copy/ }).first().isVisible()), 'a copy button that cannot work')
  await context.close()
})

await check('refusing goes back too, and Back does not answer again', async () => {
  const { context, page } = await open()
  await toConsent(page)
  await page.getByRole('button', { name: 'Don’t allow' }).click()
  await page.waitForURL(/\/callback\?error=access_denied/)
  await page.goBack()
  await page.getByText('no longer good').or(page.getByText('In which businesses?')).first().waitFor()
  await context.close()
})

await check('the answer reaches a program on the device', async () => {
  await set({ to: `${CLIENT.replace('127.0.0.1', 'localhost')}/callback`, loopback: '1' })
  const { context, page } = await open()
  await page.goto(authorize(DEMO, `${CLIENT.replace('127.0.0.1', 'localhost')}/callback`))
  await enter(page, 'Beto')
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.waitForURL(/localhost.*\/callback\?code=c0de/)
  await context.close()
})

await check('a popup of an assistant on the web keeps its opener', async () => {
  await set()
  const { context, page } = await open()
  await page.goto(`${CLIENT.replace('127.0.0.1', 'localhost')}/assistant`)
  const [popup] = await Promise.all([context.waitForEvent('page'), page.evaluate((url) => { window.open(url, 'p', 'width=500,height=700') }, authorize(DEMO, `${CLIENT.replace('127.0.0.1', 'localhost')}/callback`))])
  await enter(popup, 'Beto')
  await popup.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.locator('#got').getByText('code=c0de').waitFor()
  await context.close()
})

await check('another site cannot frame the pages, nor send their forms', async () => {
  const { context, page } = await open()
  await toConsent(page, 'Beto')
  const form = await page.evaluate(() => Object.fromEntries(new FormData(document.querySelectorAll('form')[0])))
  const consent = page.url()
  const other = await context.newPage()
  await other.goto(`${CLIENT.replace('127.0.0.1', 'localhost')}/assistant`)
  await other.evaluate((src) => new Promise((done) => {
    const f = document.createElement('iframe')
    f.onload = done
    f.src = src
    document.body.append(f)
  }), consent)
  const framed = other.frames().find((f) => f !== other.mainFrame())
  expect(!(await framed.content()).includes('Tienda'), 'framed')
  const [answer] = await Promise.all([
    other.waitForResponse((r) => r.url().endsWith('/oauth/consent/answer')),
    other.evaluate(([to, fields]) => {
      const f = document.createElement('form')
      f.method = 'post'
      f.action = to
      for (const [name, value] of Object.entries({ ...fields, decision: 'approve' })) {
        const i = document.createElement('input')
        i.name = name
        i.value = value
        f.append(i)
      }
      document.body.append(f)
      f.submit()
    }, [`${DEMO}/oauth/consent/answer`, form]),
  ])
  expect(answer.status() === 403, 'status', answer.status())
  await context.close()
})

await check('over TLS: cookies for this host and path alone, no script reads them, and they do what they are for', async () => {
  const { context, page } = await open({ ignoreHTTPSErrors: true })
  await page.goto(authorize(TLS))
  await enter(page, 'Beto')
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor()
  const settings = await context.newPage()
  await settings.goto(`${TLS}/settings/mcp`)
  await enter(settings)
  await settings.locator('#may').waitFor()
  const cookies = await context.cookies()
  const odd = cookies.filter((c) => !c.name.startsWith('__Host-') || !c.secure || !c.httpOnly || c.path !== '/' || c.sameSite === 'None')
  expect(cookies.length >= 2 && odd.length === 0, cookies)
  expect((await page.evaluate(() => document.cookie)) === '', 'a script reads cookies')
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.waitForURL(/\/callback\?code=c0de/)
  await context.close()
})

await check('two requests in one browser', async () => {
  const { context, page } = await open()
  const second = await context.newPage()
  await page.goto(authorize(DEMO))
  await second.goto(authorize(DEMO))
  for (const p of [page, second]) {
    await enter(p, 'Beto')
    await p.getByRole('button', { name: 'Allow', exact: true }).click()
    await p.waitForURL(/\/callback\?code=c0de/)
  }
  await context.close()
})

await check('a double click answers once', async () => {
  const { context, page } = await open()
  let posts = 0
  page.on('request', (r) => { if (r.url().endsWith('/answer')) posts++ })
  await toConsent(page, 'Beto')
  await page.getByRole('button', { name: 'Allow', exact: true }).dblclick()
  await page.waitForURL(/\/callback\?code=c0de/)
  expect(posts === 1, posts)
  await context.close()
})

await check('200 % zoom and large text', async () => {
  const { context, page } = await open({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 })
  await toConsent(page)
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%' })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(wide <= 0, `${wide} px too wide`)
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/zoom.png` })
  await context.close()
})

await check('settings: copy, make a key, revoke an assistant, sign out', async () => {
  await set()
  const { context, page, problems } = await open({ permissions: ['clipboard-read', 'clipboard-write'] })
  await toSettings(page)
  await page.getByRole('button', { name: 'Copy: Address' }).click()
  expect(await page.evaluate(() => navigator.clipboard.readText()) === `${DEMO}/mcp`, 'not the address')
  const cursor = await page.locator('a[href^="cursor:"]').getAttribute('href')
  const config = JSON.parse(atob(new URL(cursor).searchParams.get('config')))
  expect(config.url === `${DEMO}/mcp`, config)
  const code = await page.locator('a[href^="vscode:"]').getAttribute('href')
  expect(JSON.parse(decodeURIComponent(code.slice('vscode:mcp/install?'.length))).url === `${DEMO}/mcp`, code)
  await page.locator('#keys summary').click()
  await page.getByLabel('Name').fill('Nightly')
  await page.getByRole('button', { name: 'Create the key' }).click()
  await page.getByRole('button', { name: 'Copy: Key' }).click()
  expect((await page.evaluate(() => navigator.clipboard.readText())).startsWith('fp_mcp_'), 'not the key')
  await page.getByRole('button', { name: /Revoke: Claude/ }).first().click()
  await page.getByText('The assistant is disconnected').waitFor()
  expect(!(await page.content()).includes('fp_mcp_The'), 'the key is shown again')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out').waitFor()
  expect(problems.length === 0, problems)
  await context.close()
})

if (!FIREBASE) {
  console.log('skip Firebase: no emulator (see README.md)')
} else {
  await check('Firebase: a wrong password is said in words, then the right one signs in, and nothing stays', async () => {
    await set()
    const { context, page, problems } = await open()
    await page.goto(authorize(FIREBASE))
    await page.getByLabel('Email').fill('ana@demo.flowpos.app')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByText('The email or the password is not right').waitFor()
    expect(await page.evaluate(() => document.activeElement.id) === 'password', 'the focus is elsewhere')
    await page.getByLabel('Password').fill('correct horse')
    await page.keyboard.press('Enter')
    await page.getByText('Signed in as Ana Morales').waitFor()
    const kept = await page.evaluate(async () => ({ local: Object.keys(localStorage), session: Object.keys(sessionStorage), databases: (await indexedDB.databases()).map((d) => d.name) }))
    expect(kept.local.length + kept.session.length === 0, kept)
    for (const name of kept.databases) {
      const rows = await page.evaluate((n) => new Promise((done) => {
        const r = indexedDB.open(n)
        r.onsuccess = () => {
          const stores = [...r.result.objectStoreNames]
          if (!stores.length) return done(0)
          const q = r.result.transaction(stores[0]).objectStore(stores[0]).count()
          q.onsuccess = () => done(q.result)
        }
      }), name)
      expect(rows === 0, name, 'holds', rows)
    }
    const odd = problems.filter((p) => !/status of 400/.test(p)) // the emulator's answer to the wrong password
    expect(odd.length === 0, odd)
    await context.close()
  })
  await check('Firebase: on the settings page', async () => {
    const { context, page } = await open()
    await page.goto(`${FIREBASE}/settings/mcp`)
    await page.getByLabel('Email').fill('ana@demo.flowpos.app')
    await page.getByLabel('Password').fill('correct horse')
    await page.keyboard.press('Enter')
    await page.locator('#keys').waitFor()
    await context.close()
  })
  await check('Firebase: the service is away', async () => {
    const { context, page } = await open()
    await page.goto(authorize(FIREBASE))
    await page.route(/identitytoolkit/, (r) => r.abort())
    await page.getByLabel('Email').fill('ana@demo.flowpos.app')
    await page.getByLabel('Password').fill('correct horse')
    await page.keyboard.press('Enter')
    await page.getByText('The sign-in service cannot be reached').waitFor()
    await context.close()
  })
  await check('Firebase: without JavaScript the page says so, and no password field is there to send', async () => {
    const { context, page } = await open({ javaScriptEnabled: false })
    await page.goto(authorize(FIREBASE))
    await page.getByText('Signing in needs JavaScript').waitFor()
    expect(!(await page.locator('#password').isVisible()), 'a field that cannot work')
    await context.close()
  })
}

await browser.close()
console.log(failed ? `${failed} failed` : 'all passed')
process.exit(failed ? 1 : 0)
