// What the official TypeScript clients make of the discovery documents while there is no authorization server: with a key
// they never look; without one, or with one that is not good, they end with an error that says what is missing, and neither
// register anywhere nor open a browser.

import * as auth1 from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import * as client2 from '@modelcontextprotocol/client'
import { expect } from '../report.mjs'

export const needs = 'demo'
export const fast = true
export const about = 'TypeScript SDK 1.x and 2.x: discovery documents without an authorization server'

const lines = [
  { name: 'sdk 1.x', ...auth1, Client: Client1, Transport: Transport1 },
  { name: 'sdk 2.x', ...client2, Client: client2.Client, Transport: client2.StreamableHTTPClientTransport },
]

export async function run(check, server) {
  const base = new URL(server.url).origin
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
      const { asked, error } = await connect(sdk, server, { requestInit: { headers: { Authorization: `Bearer ${server.key}` } } })
      expect(!error && !asked.some((path) => path.includes('.well-known')), String(error), asked)
    })
    await check(`${sdk.name} without a key says what is needed`, async () => {
      const { asked, error } = await connect(sdk, server, {})
      expect(String(error).includes('provide a valid MCP API key or access token'), String(error), asked)
    })
    for (const headers of [{}, { Authorization: 'Bearer fp_mcp_wrong' }]) {
      await check(`${sdk.name} that would sign in, with ${headers.Authorization ? 'a wrong key' : 'no key'}`, async () => {
        const opened = []
        const { asked, error } = await connect(sdk, server, { authProvider: signIn((url) => opened.push(url)), requestInit: { headers } })
        expect(String(error).includes('"authorization_endpoint"'), String(error))
        const elsewhere = asked.filter((what) => what !== 'POST /mcp' && !what.startsWith('GET /.well-known/oauth-'))
        expect(opened.length === 0 && elsewhere.length === 0 && asked.length < 6, 'it goes on to look for one', { opened, asked })
      })
    }
  }
}

/** connect tries to open a session and says what was asked for on the way and how it ended. */
async function connect(sdk, server, options) {
  const asked = []
  const client = new sdk.Client({ name: 'flowpos-clients', version: '1.0.0' })
  const transport = new sdk.Transport(new URL(server.url), {
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
function signIn(open) {
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
