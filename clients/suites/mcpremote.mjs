// mcp-remote, for assistants that speak only stdio, and a real browser in which Ana lets it in by clicking. The same browser
// tells how long it takes from the page's address to the answer of the first call.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import http from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { Assistant } from '../assistant.mjs'
import { approve, find, withChromium } from '../chromium.mjs'
import { modules, throwawayHome } from '../command.mjs'
import { asBrowser, opensBROWSER } from '../person.mjs'
import { expect, within } from '../report.mjs'
import { freePort } from '../servers.mjs'
import { info, lines } from './sdks.mjs'

export const needs = 'demo'
export const fast = false
export const about = 'mcp-remote with a real browser, and how long a sign-in takes there'

const TIMES = 5

export async function run(check, server) {
  if (!find()) {
    check.skip('all of it', 'there is no Chromium here, see above')
    return
  }
  if (opensBROWSER) await proxied(check, server)
  else check.skip('through mcp-remote', 'programs open another browser here than BROWSER')
  await timing(check, server)
}

async function proxied(check, server) {
  await throwawayHome(async (home) => {
    const browser = await asBrowser(home, fileURLToPath(new URL('../chromium.mjs', import.meta.url)))
    const port = await freePort()
    const remote = (fn) => through([server.url, String(port)], home, browser, fn)
    const opened = async () => (await readFile(`${browser}.log`, 'utf8').catch(() => '')).trim()

    const first = await check('opens the browser, Ana clicks, and it lists and calls', () =>
      remote(async (client) => {
        await use(client)
        for (let left = 300; left > 0 && !(await opened()); left--) await sleep(50) // the browser takes a moment to end
        const said = await opened()
        expect(said.startsWith(`http://localhost:${port}/oauth/callback says Authorization successful`) && !said.includes('\n'), 'not through the browser', said)
      }),
    )
    if (!first) return
    await check('the next time it opens nothing', () =>
      remote(async (client) => {
        await use(client)
        expect((await opened()).split('\n').length === 1, 'the person was asked again', await opened())
      }),
    )
    await check('with a bad access token it refreshes and opens nothing', async () => {
      const file = await tokenFile(home)
      const before = JSON.parse(await readFile(file, 'utf8'))
      await writeFile(file, JSON.stringify({ ...before, access_token: `${before.access_token.slice(0, -2)}xx` }))
      await remote(use)
      const after = JSON.parse(await readFile(file, 'utf8'))
      expect(after.refresh_token !== before.refresh_token && after.access_token !== before.access_token, 'the tokens were not replaced')
      expect((await opened()).split('\n').length === 1, 'the person was asked again', await opened())
    })
  })
}

async function timing(check, server) {
  await check(`from the page's address to the answer of the first call, ${TIMES} times`, async () => {
    for (const [how, go] of [
      ['Chromium, which clicks at once', withChromium],
      ['no browser: what the server needs', (fn) => fn(undefined)],
    ]) {
      const took = await go(async (browser) => {
        const all = []
        for (let i = 0; i < TIMES; i++) all.push(await timed(browser, server))
        return all
      })
      const median = took.toSorted((a, b) => a - b)[Math.floor(TIMES / 2)]
      check.say(`authorize to first tool call: median ${median} ms of ${took.join(', ')} (${how})`)
      expect(median < 15_000, 'nobody would wait for that', took)
    }
  })
}

/** through starts mcp-remote for a stdio client, and ends both. */
async function through(args, home, browser, fn) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [path.join(modules, 'mcp-remote/dist/proxy.js'), ...args],
    env: { PATH: process.env.PATH, HOME: home, BROWSER: browser, CHROMIUM: find() },
    stderr: 'pipe',
  })
  let said = ''
  transport.stderr.on('data', (part) => (said += part))
  const client = new Client(info)
  try {
    await within(60, 'no session', client.connect(transport))
    await fn(client)
  } catch (error) {
    error.message += `\nmcp-remote said:\n${said.slice(-3000)}`
    throw error
  } finally {
    await client.close()
  }
}

async function use(client) {
  const names = (await client.listTools()).tools.map((tool) => tool.name)
  expect(names.includes('whoami') && names.includes('get_sales_report'), 'the list lacks one of them', names)
  const result = await client.callTool({ name: 'whoami', arguments: {} })
  expect(!result.isError && result.content?.[0]?.text.includes('v2_oauth'), 'not an answer', result)
}

async function tokenFile(home) {
  const files = await readdir(home, { recursive: true })
  const found = files.filter((file) => file.endsWith('_tokens.json'))
  expect(found.length === 1, 'where are its tokens?', files)
  return path.join(home, found[0])
}

/** timed is one sign-in, in milliseconds, of an assistant that listens on this device; browser may be none. */
async function timed(browser, server) {
  const port = await freePort()
  let arrived
  const answer = new Promise((done) => (arrived = done))
  const listener = http.createServer((req, res) => {
    res.setHeader('Content-Type', 'text/html').end('<link rel="icon" href="data:,"><p>close this page')
    arrived(new URL(req.url, `http://127.0.0.1:${port}`))
  })
  await new Promise((ready) => listener.listen(port, '127.0.0.1', ready))
  const assistant = new Assistant(lines[1], server.url, { to: `http://127.0.0.1:${port}/callback` })
  try {
    await assistant.connect().catch(() => {})
    const start = performance.now()
    const clicks = browser ? approve(browser, assistant.asked[0].href) : assistant.answer().then((to) => fetch(to))
    const to = await Promise.race([answer, clicks.then(() => answer)])
    await lines[1].finish(assistant.transport, to.searchParams)
    await assistant.connect()
    await assistant.call('whoami')
    const took = Math.round(performance.now() - start)
    await clicks
    return took
  } finally {
    await assistant.close()
    listener.closeAllConnections()
    listener.close()
  }
}
