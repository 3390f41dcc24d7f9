// The TypeScript SDK at a server where nobody can sign in, only keys are good: with a key they never look for an authorization
// server; without one, or with one that is not good, they end with an error that says what is missing, and neither register
// anywhere nor open a browser.

import { expect } from '../report.mjs'
import { info, lines } from './sdks.mjs'

export const needs = 'keysonly'
export const fast = true
export const about = 'TypeScript SDK 1.x and 2.x: a server without sign-in'

export async function run(check, server) {
  const base = new URL(server.url).origin
  await check('no openid-configuration', async () => {
    const answer = await fetch(`${base}/.well-known/openid-configuration`)
    expect(answer.status === 404, `status ${answer.status}`, await answer.text())
  })
  for (const sdk of lines) {
    await check(`${sdk.name} reads the resource's document`, async () => {
      const doc = await sdk.discoverOAuthProtectedResourceMetadata(server.url)
      expect(doc.resource === server.url && doc.authorization_servers === undefined && doc.scopes_supported.includes('pos:read'), 'not ours', doc)
    })
    await check(`${sdk.name} finds no authorization server in the other`, async () => {
      const said = await sdk.discoverAuthorizationServerMetadata(base).then(JSON.stringify, String)
      expect(said.includes('"authorization_endpoint"') && said.includes('expected string'), 'it takes this for one', said)
    })
    await check(`${sdk.name} with a key reads neither`, async () => {
      const { asked, error } = await connect(sdk, server.url, { requestInit: { headers: { Authorization: `Bearer ${server.key}` } } })
      expect(!error && !asked.some((path) => path.includes('.well-known')), String(error), asked)
    })
    await check(`${sdk.name} without a key says what is needed`, async () => {
      const { asked, error } = await connect(sdk, server.url, {})
      expect(String(error).includes('provide a valid MCP API key or access token'), String(error), asked)
    })
    for (const headers of [{}, { Authorization: 'Bearer fp_mcp_wrong' }]) {
      await check(`${sdk.name} that would sign in, with ${headers.Authorization ? 'a wrong key' : 'no key'}`, async () => {
        const opened = []
        const { asked, error } = await connect(sdk, server.url, { authProvider: signIn((url) => opened.push(url)), requestInit: { headers } })
        expect(String(error).includes('"authorization_endpoint"'), String(error))
        const elsewhere = asked.filter((what) => what !== 'POST /mcp' && !what.startsWith('GET /.well-known/oauth-'))
        expect(opened.length === 0 && elsewhere.length === 0 && asked.length < 6, 'it goes on to look for one', { opened, asked })
      })
    }
  }
}

/** connect tries to open a session and says what was asked for on the way and how it ended. */
export async function connect(sdk, url, options) {
  const asked = []
  const client = new sdk.Client(info)
  const transport = new sdk.Transport(new URL(url), {
    ...options,
    fetch(input, init = {}) {
      asked.push(`${init.method ?? 'GET'} ${new URL(input).pathname}`)
      return fetch(input, init)
    },
  })
  const error = await client.connect(transport).then(() => undefined, (e) => e)
  await client.close()
  return { asked, error }
}

/** signIn is the OAuth side of a client that would open a browser. */
export function signIn(open) {
  let client
  return {
    redirectUrl: 'http://127.0.0.1:1/callback',
    clientMetadata: { client_name: 'flowpos-clients', redirect_uris: ['http://127.0.0.1:1/callback'] },
    clientInformation: () => client,
    saveClientInformation: (c) => (client = c),
    tokens: () => undefined,
    saveTokens() {},
    redirectToAuthorization: open,
    saveCodeVerifier() {},
    codeVerifier: () => 'v',
  }
}
