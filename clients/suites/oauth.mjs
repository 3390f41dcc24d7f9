// "Paste the URL and sign in" with the TypeScript SDK in both lines: each registers, sends the person to the pages, gets its
// tokens, and then what happens to them: they end, are refreshed from many places at once, are revoked, do not suffice.

import { Assistant, clientMetadata, redirect } from '../assistant.mjs'
import { answer } from '../person.mjs'
import { expect } from '../report.mjs'
import { lines } from './sdks.mjs'

export const needs = 'demo'
export const fast = true
export const about = 'TypeScript SDK 1.x and 2.x: sign-in by the URL, refresh, revocation, more rights; CORS'

const CALLERS = 20
const OUT_WITHIN_SECONDS = 5 // the promise for a revoked grant
const modes = [
  { ...lines[0] },
  { ...lines[1], options: { versionNegotiation: { mode: 'legacy' } } },
  { ...lines[1], name: 'sdk 2.x, newer era', newer: true, options: { versionNegotiation: { mode: { pin: '2026-07-28' } } } },
]

export async function run(check, server) {
  for (const sdk of modes) {
    const step = (what, fn) => check(`${sdk.name}: ${what}`, fn)
    const assistant = new Assistant(sdk, server.url)
    if (await step('from the URL alone to a tool call', () => fromURL(assistant, server))) {
      await step('a bad access token is refreshed and the call succeeds', () => refreshed(assistant))
      await step(`${CALLERS} callers refresh with one token at once`, () => manyRefresh(assistant))
      await step('revoked, it has to ask the person again', () => revoked(assistant))
    }
    await assistant.close()
    await step('a right that was not given', () => moreRights(sdk, server))
    await step('the person refuses', () => refused(sdk, server))
  }
  for (const sdk of lines) {
    for (const method of ['client_secret_basic', 'client_secret_post']) {
      await check(`${sdk.name}: with ${method}`, () => confidential(sdk, server, method))
    }
    await check(`${sdk.name}: from a URL with toolsets, the same resource all along`, () => toolsets(sdk, server))
    await check(`${sdk.name}: without the metadata, at /authorize, /token and /register`, () => aliases(sdk, server))
  }
  await cors(check, server)
}

async function fromURL(assistant, server) {
  await assistant.signIn()
  const base = new URL(server.url).origin
  const seen = assistant.seen()
  const registered = seen.indexOf('POST /register 201')
  expect(seen[0] === 'POST /mcp 401' && seen[1].startsWith('GET /.well-known/oauth-protected-resource') && registered > 0, 'not 401, metadata, registration', seen)
  const asked = assistant.asked[0].searchParams
  expect(assistant.asked.length === 1 && assistant.asked[0].origin === base, 'not sent to the pages once', assistant.asked)
  expect(asked.get('resource') === server.url && asked.get('code_challenge_method') === 'S256', 'no resource, or no PKCE', [...asked])
  const { access_token, refresh_token, token_type, expires_in, scope } = assistant.kept.tokens
  expect(access_token && refresh_token && token_type === 'Bearer' && expires_in === 3600, 'not the documented answer', { token_type, expires_in })
  expect(scope.includes('reports:read') && !scope.includes('pos:write'), 'more or less than was asked for', scope)
  const names = (await assistant.client.listTools()).tools.map((tool) => tool.name)
  expect(names.includes('whoami') && names.includes('get_sales_report'), 'the list lacks one of them', names)
  expect((await assistant.call('whoami')).includes('v2_oauth'), 'whoami does not know this sign-in')
}

/** toolsets connects with a URL that asks for more tools to be listed. */
async function toolsets(sdk, server) {
  const url = `${server.url}?toolsets=stock,reports`
  const assistant = new Assistant(sdk, url)
  try {
    await assistant.signIn()
    expect(assistant.asked[0].searchParams.get('resource') === url, 'another resource', assistant.asked[0].search)
    await refreshed(assistant)
  } finally {
    await assistant.close()
  }
}

/** refreshed spoils the access token: 401, refresh, and the same call again, without a word to the person. */
async function refreshed(assistant) {
  const before = { ...assistant.kept.tokens }
  assistant.kept.tokens = { ...before, access_token: `${before.access_token.slice(0, -2)}xx` }
  assistant.forget()
  await assistant.call('whoami')
  const seen = assistant.seen().filter((what) => !what.includes('.well-known'))
  expect(seen.join() === 'POST /mcp 401,POST /mcp/token 200,POST /mcp 200', 'not 401, refresh, retry', seen)
  const { access_token, refresh_token } = assistant.kept.tokens
  expect(access_token !== before.access_token && refresh_token && refresh_token !== before.refresh_token, 'the tokens were not replaced')
  expect(assistant.asked.length === 1, 'the person was asked again', assistant.asked)
}

/** manyRefresh is one assistant in many windows: each has the same tokens and finds at the same moment that they are over. */
async function manyRefresh(assistant) {
  const windows = Array.from({ length: CALLERS }, () => new Assistant(assistant.sdk, assistant.url, assistant.kept))
  const all = (fn) => Promise.all(windows.map((w) => fn(w).catch((error) => String(error))))
  const outcomes = await all((w) => w.auth())
  expect(outcomes.every((o) => o === 'AUTHORIZED'), 'not all of them were refreshed', outcomes)
  const next = new Set(windows.map((w) => w.kept.tokens.refresh_token))
  expect(next.size === 1 && !next.has(assistant.kept.tokens.refresh_token), 'they are to go on with one and the same token', next.size)
  const calls = await all(async (w) => {
    await w.connect()
    return w.call('whoami')
  })
  expect(calls.every((text) => text.includes('v2_oauth')), 'a token of theirs is not good', calls)
  // The one that was last goes on, and so does one that still comes with the token of before: its answer got lost.
  expect((await windows.at(-1).auth()) === 'AUTHORIZED', 'the next refresh fails')
  expect((await assistant.auth()) === 'AUTHORIZED', 'the token of before has no grace')
  expect(assistant.kept.tokens.refresh_token === windows.at(-1).kept.tokens.refresh_token, 'who comes late gets a token of the past')
  expect([assistant, ...windows].every((w) => w.asked.length === (w === assistant ? 1 : 0)), 'a person was asked')
  await all((w) => w.close())
}

async function revoked(assistant) {
  const { tokens, client } = assistant.kept
  const { authorizationServerMetadata: metadata } = await assistant.sdk.discoverOAuthServerInfo(assistant.url)
  const answer = await fetch(metadata.revocation_endpoint, { method: 'POST', body: new URLSearchParams({ token: tokens.refresh_token, client_id: client.client_id }) })
  expect(answer.status === 200, `revocation: status ${answer.status}`, await answer.text())
  for (const began = Date.now(); ; ) {
    const error = await assistant.call('whoami').then(() => undefined, (e) => e)
    if (error) {
      expect(error instanceof assistant.sdk.UnauthorizedError, 'not the error that leads to a new sign-in', String(error))
      break
    }
    expect(Date.now() - began < OUT_WITHIN_SECONDS * 1000, 'the access token goes on being good')
    await new Promise((done) => setTimeout(done, 100))
  }
  expect(assistant.seen().includes('POST /mcp/token 400'), 'the refresh token was not refused', assistant.seen())
  expect(assistant.asked.length === 2 && !assistant.kept.tokens, 'it keeps its tokens, or does not ask the person', assistant.asked)
  await assistant.finish()
  await assistant.connect()
  expect((await assistant.call('whoami')).includes('v2_oauth'), 'a new sign-in does not help')
}

/**
 * moreRights lets an assistant in with less than it asks for, until a call needs more. 2.x asks the person again for what the
 * 403 names, and the same connection goes on with what it was given, in the same session. 1.x refreshes (a refresh never
 * widens), sees the same 403, and says so: there the person connects again.
 */
async function moreRights(sdk, server) {
  const assistant = new Assistant(sdk, server.url)
  try {
    await assistant.signIn({ scopes: ['pos:read'] })
    expect(assistant.kept.tokens.scope === 'pos:read', 'more than the person gave', assistant.kept.tokens.scope)
    const names = (await assistant.client.listTools()).tools.map((tool) => tool.name)
    expect(names.includes('whoami') && !names.includes('summarize_day'), 'the list has what cannot be called', names)
    const session = assistant.transport.sessionId
    expect(!session === !!sdk.newer, 'a session where there is none, or none where there is one', session)
    assistant.forget()
    const error = await assistant.call('summarize_day').then(() => undefined, (e) => e)
    const seen = assistant.seen()
    expect(error && seen.filter((what) => what === 'POST /mcp 403').length === (sdk === modes[0] ? 2 : 1), `${error}`, seen)
    if (sdk === modes[0]) {
      expect(String(error).includes('403 after trying upscoping') && assistant.asked.length === 1, String(error), seen)
      assistant.kept.tokens = undefined
      await assistant.connect().catch(() => {})
    } else {
      expect(error instanceof sdk.UnauthorizedError, String(error), seen)
    }
    expect(assistant.asked.length === 2, 'the person is not asked again', seen)
    const scope = assistant.asked[1].searchParams.get('scope').split(' ')
    expect(scope.includes('pos:read') && scope.includes('reports:read'), 'it asks for other rights', scope)
    await assistant.finish({ scopes: 'all' })
    if (sdk === modes[0]) await assistant.connect()
    assistant.forget()
    expect((await assistant.call('summarize_day', { business: 'Tienda La Ceiba' })).length > 0, 'nothing')
    // By itself 2.x asks for the list again when it is 30 s old, as the list says.
    const after = (await assistant.client.listTools(undefined, { cacheMode: 'refresh' })).tools.map((tool) => tool.name)
    expect(after.includes('summarize_day'), 'the list lacks what can be called now', after)
    if (sdk !== modes[0]) {
      expect(assistant.transport.sessionId === session && assistant.seen().every((what) => what === 'POST /mcp 200'), 'not the same session', assistant.seen())
    }
  } finally {
    await assistant.close()
  }
}

async function refused(sdk, server) {
  const assistant = new Assistant(sdk, server.url)
  await assistant.connect().catch(() => {})
  const to = (await assistant.answer({ no: true })).searchParams
  expect(to.get('error') === 'access_denied' && !to.has('code'), 'not access_denied', [...to])
  const error = await Promise.resolve(sdk.finish(assistant.transport, to)).then(() => undefined, (e) => e)
  expect(error && !assistant.kept.tokens, 'it takes that for a yes')
  if (sdk !== modes[0]) expect(error.code === 'access_denied', 'it does not see why', String(error)) // 1.x is not told why
  await assistant.close()
}

/** confidential is a client with a secret: through sign-in, call and refresh. */
async function confidential(sdk, server, method) {
  const assistant = new Assistant(sdk, server.url, { method })
  try {
    await assistant.signIn()
    expect(assistant.kept.client.client_secret && assistant.kept.client.token_endpoint_auth_method === method, 'registered as something else', assistant.kept.client)
    await assistant.call('whoami')
    expect((await assistant.auth()) === 'AUTHORIZED' && assistant.asked.length === 1, 'no refresh')
    assistant.kept.client = { ...assistant.kept.client, client_secret: `${assistant.kept.client.client_secret.slice(0, -1)}_` }
    assistant.forget()
    await assistant.auth().catch(() => {})
    expect(assistant.seen().includes('POST /mcp/token 401'), 'another secret is as good', assistant.seen())
  } finally {
    await assistant.close()
  }
}

/** aliases is a client that takes the well-known places for granted. */
async function aliases(sdk, server) {
  const base = new URL(server.url).origin
  const client = await sdk.registerClient(base, { clientMetadata: clientMetadata('none') })
  const started = await sdk.startAuthorization(base, { clientInformation: client, redirectUrl: redirect })
  const to = (await answer(started.authorizationUrl)).searchParams
  const mine = { clientInformation: client, authorizationCode: to.get('code'), codeVerifier: started.codeVerifier, redirectUri: redirect }
  const tokens = await sdk.exchangeAuthorization(base, mine)
  const next = await sdk.refreshAuthorization(base, { clientInformation: client, refreshToken: tokens.refresh_token })
  expect(next.access_token && next.refresh_token !== tokens.refresh_token, 'not refreshed')
  const again = await sdk.exchangeAuthorization(base, mine).then(() => 'good', (e) => e.errorCode ?? e.code)
  expect(again === 'invalid_grant', 'a code is good twice', again)
  const after = await sdk.refreshAuthorization(base, { clientInformation: client, refreshToken: next.refresh_token }).then(() => 'good', (e) => e.errorCode ?? e.code)
  expect(after === 'invalid_grant', 'a code that came twice does not end what it made', after)
}

/** cors does what a browser does before and while a page of another origin uses these addresses. */
async function cors(check, server) {
  const base = new URL(server.url).origin
  const origin = 'https://assistant.example.com'
  const read = ['oauth-protected-resource', 'oauth-authorization-server', 'openid-configuration'].flatMap((name) => [`/.well-known/${name}`, `/.well-known/${name}/mcp`])
  for (const path of read) {
    await check(`a page of another origin reads ${path}`, async () => {
      await preflight(base + path, origin, 'GET', ['mcp-protocol-version'])
      const answer = await fetch(base + path, { headers: { Origin: origin, 'MCP-Protocol-Version': '2025-11-25' } })
      const text = await answer.text()
      expect(answer.status === 200 && shared(answer, origin), `status ${answer.status}, or not shared`, text)
      JSON.parse(text)
    })
  }
  for (const [path, headers, body] of [
    ['/register', { 'Content-Type': 'application/json' }, JSON.stringify(clientMetadata('none'))],
    ['/mcp/token', {}, new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'fp_none', client_id: 'nobody' })],
    ['/token', {}, new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'fp_none', client_id: 'nobody' })],
    ['/revoke', {}, new URLSearchParams({ token: 'fp_none' })],
  ]) {
    await check(`a page of another origin posts to ${path}`, async () => {
      await preflight(base + path, origin, 'POST', ['authorization', 'content-type', 'mcp-protocol-version'])
      const answer = await fetch(base + path, { method: 'POST', headers: { ...headers, Origin: origin }, body })
      const expected = { '/register': 201, '/revoke': 200 }[path] ?? 401
      const text = await answer.text()
      expect(answer.status === expected && shared(answer, origin), `status ${answer.status}, expected ${expected}; or not shared`, text)
      expect(answer.headers.get('cache-control') === 'no-store', 'the answer may be kept', answer.headers.get('cache-control'))
    })
  }
  await check('a page of another origin gets no page for people', async () => {
    const answer = await fetch(`${base}/oauth/consent/answer`, { method: 'POST', headers: { Origin: origin, 'Sec-Fetch-Site': 'cross-site' }, body: new URLSearchParams({ decision: 'approve' }) })
    expect(answer.status === 403 && !answer.headers.has('access-control-allow-origin'), `status ${answer.status}`, await answer.text())
  })
}

async function preflight(url, origin, method, headers) {
  const answer = await fetch(url, {
    method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': headers.join(',') },
  })
  const list = (name) => (answer.headers.get(`access-control-allow-${name}`) ?? '').toLowerCase().split(/\s*,\s*/)
  expect(answer.ok && shared(answer, origin), `preflight: status ${answer.status}, or not for this origin`, [...answer.headers])
  expect(method === 'GET' || list('methods').includes(method.toLowerCase()), `preflight: no ${method}`, [...answer.headers])
  expect(headers.every((h) => list('headers').includes(h)), 'preflight: not with these headers', [...answer.headers])
}

const shared = (answer, origin) => ['*', origin].includes(answer.headers.get('access-control-allow-origin'))
