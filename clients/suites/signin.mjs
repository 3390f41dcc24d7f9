// The pages as a merchant of a real deployment meets them: signing in with Firebase's own JavaScript in a real browser, where the
// Firebase Auth emulator stands for Firebase. What else the pages do is tried with the demo's people; see browser/.

import { Assistant, redirect } from '../assistant.mjs'
import { approve, find, onPage, withChromium } from '../chromium.mjs'
import { Emulator, password } from '../emulator.mjs'
import { expect } from '../report.mjs'
import { lines } from './sdks.mjs'

export const needs = 'firebase'
export const fast = false
export const about = 'signing in with Firebase on the pages, in a real browser, against the Auth emulator'

const ana = 'ana@demo.flowpos.app'
const luis = 'luis@demo.flowpos.app'
const OUT_WITHIN_SECONDS = 5 // the promise for a revoked grant

export async function run(check, server) {
  if (!find()) {
    check.skip('all of it', 'there is no Chromium here, see above')
    return
  }
  const emulator = new Emulator(server)
  const ready = await check('accounts of the emulator', async () => {
    await emulator.account('demo-ana', ana)
    await emulator.account('demo-luis', luis)
    await emulator.account('nobody-here', 'stranger@example.com')
    await emulator.account('switched-off', 'off@example.com')
    await emulator.disable('switched-off')
    return true
  })
  if (!ready) return
  await withChromium(async (browser) => {
    await browser.route(`${redirect}?*`, (route) => route.fulfill({ contentType: 'text/html', body: '<p>close this page' }))
    await pages(check, server, browser)
  })
}

async function pages(check, server, browser) {
  const assistant = new Assistant(lines[1], server.url)
  try {
    await check('an assistant that knows the URL alone is let in by email and password, and calls', async () => {
      await connect(assistant, browser, enter(ana))
      const said = await assistant.call('whoami')
      expect(said.includes('Ana') && said.includes('Tienda La Ceiba') && !said.includes('El Roble'), 'not the businesses of hers', said)
    })
    await check('it refreshes: nobody is asked again', async () => {
      const asked = assistant.asked.length
      assistant.kept.tokens = { ...assistant.kept.tokens, access_token: 'x' }
      await assistant.connect()
      await assistant.call('whoami')
      expect(assistant.asked.length === asked, 'the person was asked again')
    })
    await check('the settings page lists it, and takes it away within 5 s', () => revoke(server, browser, assistant))
  } finally {
    await assistant.close()
  }
  await refused(check, server, browser)
}

/** asked is where an assistant without tokens sends its person. */
async function asked(assistant) {
  const error = await assistant.connect().then(() => undefined, (e) => e)
  expect(error instanceof assistant.sdk.UnauthorizedError, `without a token: ${error}`)
  return assistant.asked.at(-1).href
}

/** connect has a person answer in the browser. */
async function connect(assistant, browser, signIn) {
  const { at } = await approve(browser, await asked(assistant), signIn)
  expect(at.searchParams.has('code') && at.searchParams.get('state') === assistant.kept.state, 'not an answer', at.href)
  await assistant.sdk.finish(assistant.transport, at.searchParams)
  await assistant.connect()
}

/** enter signs in with the form of Firebase. */
const enter = (email, word = password) => async (page) => {
  await page.getByLabel('Correo electrónico').fill(email)
  await page.getByLabel('Contraseña').fill(word)
  await page.getByRole('button', { name: 'Iniciar sesión' }).click()
}

async function revoke(server, browser, assistant) {
  await onPage(browser, new URL('/settings/mcp', server.url).href, async (page) => {
    await enter(ana)(page)
    await page.getByText('flowpos-clients').first().waitFor()
    await kept(page)
    page.on('dialog', (dialog) => dialog.accept())
    await page.locator('form[action="/settings/mcp/grants/revoke"] button').first().click()
    await page.getByText('El asistente quedó desconectado').waitFor()
  })
  const began = Date.now()
  while (await works(assistant)) {
    expect(Date.now() - began < OUT_WITHIN_SECONDS * 1000, 'it still calls')
    await new Promise((done) => setTimeout(done, 100))
  }
}

const works = (assistant) => assistant.call('whoami').then(() => true, () => false)

/** kept looks at what the browser keeps of a sign-in: nobody. Firebase leaves databases, one empty and one of the days it was used. */
async function kept(page) {
  const found = await page.evaluate(async () => {
    const answer = (request) => new Promise((done, failed) => ((request.onsuccess = () => done(request.result)), (request.onerror = () => failed(request.error))))
    const found = [...Object.entries(localStorage), ...Object.entries(sessionStorage)]
    for (const { name } of await indexedDB.databases()) {
      const database = await answer(indexedDB.open(name))
      for (const store of database.objectStoreNames) found.push(...(await answer(database.transaction(store).objectStore(store).getAll())))
      database.close()
    }
    return found.map((entry) => JSON.stringify(entry))
  })
  const people = found.filter((entry) => !/^\{"heartbeats":\[[^\]@]*\],"lastSentHeartbeatDate":"[^"@]*"\}$/.test(entry))
  expect(people.length === 0, 'the browser keeps something of the sign-in', found)
}

async function refused(check, server, browser) {
  const asks = async () => {
    const assistant = new Assistant(lines[1], server.url)
    const url = await asked(assistant)
    await assistant.close()
    return url
  }
  const stays = async (page) => expect(page.url().includes('/oauth/consent?request='), 'not on the page', page.url())

  await check('a wrong password is said, and the right one then goes', async () => {
    await approve(browser, await asks(), async (page) => {
      await enter(ana, 'wrong')(page)
      await page.getByText('El correo o la contraseña no son correctos').waitFor()
      await stays(page)
      await enter(ana)(page)
    })
  })
  await check('an account that is switched off is told whom to ask', async () => {
    await onPage(browser, await asks(), async (page) => {
      await enter('off@example.com')(page)
      await page.getByText('Esta cuenta está desactivada').waitFor()
      await stays(page)
    })
  })
  await check('somebody without a business is told so, and another account goes', async () => {
    const twice = async (page) => {
      await enter('stranger@example.com')(page)
      await page.getByText('no tiene ningún negocio').waitFor()
      await enter(ana)(page)
    }
    await approve(browser, await asks(), twice, /^Failed to load resource: the server responded with a status of 403/)
  })
  await check('who has signed in can use another account, with its businesses alone', async () => {
    await onPage(browser, await asks(), async (page) => {
      await enter(ana)(page)
      await page.getByText('Tienda La Ceiba').waitFor()
      await page.getByRole('link', { name: 'Usar otra cuenta' }).click()
      await enter(luis)(page)
      await page.getByText('Ferretería El Roble').waitFor()
      expect(!(await page.locator('main').innerText()).includes('La Ceiba'), 'the businesses of the account before', await page.locator('main').innerText())
      await kept(page)
    })
  })
}
