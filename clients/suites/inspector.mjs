// The MCP inspector's command line, in each way it can settle on a protocol era.

import { readFile } from 'node:fs/promises'
import { node, throwawayHome } from '../command.mjs'
import { asBrowser, opensBROWSER } from '../person.mjs'
import { expect } from '../report.mjs'
import { freePort } from '../servers.mjs'

export const needs = 'demo'
export const fast = false
export const about = 'MCP inspector, command line, both protocol eras, with a key and with a sign-in'

const AUTHORIZATION_REQUIRED = 3

const launcher = '@modelcontextprotocol/inspector/clients/launcher/build/index.js'

export async function run(check, server) {
  await throwawayHome(async (home) => {
    const inspect = (key, era, ...args) =>
      node(launcher, ['--cli', server.url, '--transport', 'http', '--header', `Authorization: Bearer ${key}`, '--protocol-era', era, '--stored-auth-only', ...args], { home })
    for (const era of ['legacy', 'modern', 'auto']) {
      await check(`${era}: tools/list has whoami and get_sales_report`, async () => {
        // --strict: exit 6 when a schema would not survive the model providers (on fixtures it would not).
        const { tools } = parse(await inspect(server.key, era, '--method', 'tools/list', ...(server.fixtures ? [] : ['--strict'])))
        const names = tools.map((tool) => tool.name)
        expect(names.includes('whoami') && names.includes('get_sales_report'), 'the list lacks one of them', names)
      })
      for (const tool of ['whoami', 'get_sales_report']) {
        await check(`${era}: tools/call ${tool}`, async () => {
          const result = parse(await inspect(server.key, era, '--method', 'tools/call', '--tool-name', tool))
          expect(!result.isError && result.content?.[0]?.text, 'not an answer', result)
        })
      }
      await check(`${era}: a wrong key is told to authorize`, async () => {
        const out = await inspect('fp_mcp_wrong', era, '--method', 'tools/list')
        expect(out.status === AUTHORIZATION_REQUIRED, `exit ${out.status}, expected ${AUTHORIZATION_REQUIRED}`, out.stdout + out.stderr)
      })
    }
  })
  await check('without a key it is told to authorize', () =>
    throwawayHome(async (home) => {
      const out = await node(launcher, ['--cli', server.url, '--transport', 'http', '--stored-auth-only', '--method', 'tools/list'], { home })
      expect(out.status === AUTHORIZATION_REQUIRED, `exit ${out.status}, expected ${AUTHORIZATION_REQUIRED}`, out.stdout + out.stderr)
    }),
  )
  for (const era of ['legacy', 'modern']) await signIn(check, server, era)
}

/** signIn is the inspector without a key: it opens a browser, here somebody without one, and keeps what it gets in its HOME. */
async function signIn(check, server, era) {
  if (!opensBROWSER) return check.skip(`${era}, sign-in`, 'programs open another browser here than BROWSER')
  await throwawayHome(async (home) => {
    const env = { BROWSER: await asBrowser(home), MCP_AUTO_OPEN_ENABLED: 'true', MCP_INSPECTOR_SECRET_STORE: 'file' }
    const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`
    const inspect = (...args) => node(launcher, ['--cli', server.url, '--transport', 'http', '--protocol-era', era, '--callback-url', callback, ...args], { home, env })
    const opened = () => readFile(`${env.BROWSER}.log`, 'utf8').catch(() => '')

    await check(`${era}, sign-in: opens the browser and lists tools`, async () => {
      const out = await inspect('--method', 'tools/list')
      const said = await opened()
      expect(said.trim() === `${callback} answers 200`, 'not through the browser', said + out.stderr)
      const names = parse(out).tools.map((tool) => tool.name)
      expect(names.includes('whoami') && names.includes('get_sales_report'), 'the list lacks one of them', names)
    })
    if (era !== 'legacy') return
    await check(`${era}, sign-in: calls with what it kept, and opens nothing`, async () => {
      const result = parse(await inspect('--stored-auth-only', '--method', 'tools/call', '--tool-name', 'whoami'))
      expect(!result.isError && result.content?.[0]?.text.includes('v2_oauth'), 'not an answer', result)
      expect((await opened()).trim().split('\n').length === 1, 'the person was asked again', await opened())
    })
    await check(`${era}, sign-in: --relogin asks again`, async () => {
      parse(await inspect('--relogin', '--method', 'tools/list'))
      expect((await opened()).trim().split('\n').length === 2, 'the person was not asked again', await opened())
    })
  })
}

function parse(out) {
  expect(out.status === 0, `exit ${out.status}`, out.stderr + out.stdout)
  return JSON.parse(out.stdout)
}
