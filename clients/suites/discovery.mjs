// What the official TypeScript clients make of the discovery documents: the resource's, and the authorization server's under
// each of the names that clients know for it. With a key they never look.

import { expect } from '../report.mjs'
import { connect, signIn } from './keysonly.mjs'
import { lines } from './sdks.mjs'

export const needs = 'demo'
export const fast = true
export const about = 'TypeScript SDK 1.x and 2.x: discovery documents, in every well-known form'

const wellKnown = '/.well-known/oauth-authorization-server'

export async function run(check, server) {
  const base = new URL(server.url).origin
  // For clients that look nowhere else. The SDKs look here last, and for an OpenID provider only, with jwks_uri and the like.
  for (const path of ['', '/mcp']) {
    await check(`/.well-known/openid-configuration${path} is the same document`, async () => {
      const [one, other] = await Promise.all([wellKnown, '/.well-known/openid-configuration'].map((at) => fetch(base + at + path).then((r) => r.text())))
      expect(one === other && JSON.parse(one).issuer === base, 'another one', other)
    })
  }
  for (const sdk of lines) {
    for (const at of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']) {
      await check(`${sdk.name} reads the resource at ${at}`, async () => {
        const doc = await sdk.discoverOAuthProtectedResourceMetadata(server.url, { resourceMetadataUrl: base + at })
        expect(doc.resource === server.url && doc.authorization_servers.join() === base, 'not ours', doc)
        expect(doc.scopes_supported.includes('pos:read') && !doc.scopes_supported.includes('offline_access'), 'not its scopes', doc)
      })
    }
    // Given an issuer with a path, they ask for the path-inserted form. The document's issuer is the bare origin, which 2.x
    // compares with what it was asked for (RFC 8414, 3.3), unless it is told not to.
    for (const path of ['', '/mcp']) {
      await check(`${sdk.name} reads the authorization server at ${wellKnown + path}`, async () => {
        const asked = []
        const listen = (input, init) => {
          asked.push(new URL(input).pathname)
          return fetch(input, init)
        }
        const doc = await sdk.discoverAuthorizationServerMetadata(base + path, { fetchFn: listen, skipIssuerValidation: path !== '' })
        expect(asked.join() === wellKnown + path, 'it asks elsewhere, or on and on', asked)
        expect(
          doc?.issuer === base && doc.authorization_endpoint === `${base}/authorize` && doc.registration_endpoint && doc.code_challenge_methods_supported.includes('S256'),
          'not ours, or less than it needs',
          doc,
        )
      })
    }
    await check(`${sdk.name} finds all of it from the URL`, async () => {
      const found = await sdk.discoverOAuthServerInfo(server.url)
      expect(found.authorizationServerUrl === base && found.resourceMetadata?.resource === server.url && found.authorizationServerMetadata?.token_endpoint, 'not ours', found)
    })
    await check(`${sdk.name} with a key reads none of it`, async () => {
      const { asked, error } = await connect(sdk, server.url, { requestInit: { headers: { Authorization: `Bearer ${server.key}` } } })
      expect(!error && !asked.some((path) => path.includes('.well-known')), String(error), asked)
    })
    await check(`${sdk.name} that cannot sign in says what is needed`, async () => {
      const { error } = await connect(sdk, server.url, {})
      expect(String(error).includes('provide a valid MCP API key or access token'), String(error))
    })
    for (const headers of [{}, { Authorization: 'Bearer fp_mcp_wrong' }]) {
      await check(`${sdk.name} that would sign in, with ${headers.Authorization ? 'a wrong key' : 'no key'}`, async () => {
        const opened = []
        const { asked, error } = await connect(sdk, server.url, { authProvider: signIn((url) => opened.push(url)), requestInit: { headers } })
        expect(error instanceof sdk.UnauthorizedError, String(error), asked)
        expect(opened.length === 1 && opened[0].href.startsWith(`${base}/authorize?`), 'no browser is opened at our page', { opened, asked })
      })
    }
  }
}
