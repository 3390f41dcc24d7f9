// From a sign-in at the Firebase Auth emulator to a tool call, and what must not get that far.

import { call, Emulator } from '../emulator.mjs'
import { expect } from '../report.mjs'
import { sdk1, sdk2Newer } from './sdks.mjs'

export const needs = 'firebase'
export const fast = false
export const about = 'Firebase Auth emulator: sign-up to tool call, refresh, keys'

const OUT_WITHIN_SECONDS = 5 // the promise for a revoked key

export async function run(check, server) {
  const emulator = new Emulator(server)
  const base = new URL(server.url).origin
  const ana = await check('sign-up of somebody who runs a business', () => emulator.signIn('demo-ana', 'ana@demo.flowpos.app'))
  if (!ana) return

  const token = await check('the sign-in is exchanged for an access token', async () => {
    const { status, body } = await call('POST', `${base}/mcp/token`, ana)
    expect(status === 200 && body.accessToken && body.tokenType === 'Bearer', `status ${status}`, body)
    expect(body.expiresIn > 86_000 && body.expiresIn <= 86_400, 'not the documented life', body.expiresIn)
    expect(body.businesses.length === 3 && body.businesses.every((b) => b.role === 'owner'), 'not the three businesses of hers', body.businesses)
    return body
  })
  await check('the same with the ID token in the body', async () => {
    const { status, body } = await call('POST', `${base}/mcp/token`, undefined, { idToken: ana })
    expect(status === 200 && body.accessToken, `status ${status}`, body)
  })
  if (!token) return

  for (const sdk of [sdk1, sdk2Newer]) {
    await check(`${sdk.name} calls tools with it`, () => use(sdk, server.url, token.accessToken, token.businesses[0]))
  }
  await check('a refreshed token works too', async () => {
    const { status, body } = await call('POST', `${base}/mcp/token/refresh`, token.accessToken)
    expect(status === 200 && body.accessToken && body.accessToken !== token.accessToken, `status ${status}`, body)
    await use(sdk1, server.url, body.accessToken, token.businesses[0])
  })

  await keys(check, server, base, ana, token.businesses[0])
  await strangers(check, server, base, emulator, ana, token.accessToken)
}

/** use connects, sees tools, and asks one of them about a business. */
async function use(sdk, url, key, business) {
  const client = await sdk.connect({ url, key, onElicit: () => ({ action: 'decline' }), onTools: () => {} })
  try {
    const names = (await client.list()).map((tool) => tool.name)
    expect(names.includes('whoami') && names.includes('get_sales_report'), 'the list lacks one of them', names)
    expect(!names.includes('list_tenants'), 'a merchant sees what operators use', names)
    const result = await client.call('get_sales_report', { business: business.id })
    expect(!result.isError && JSON.stringify(result).includes(business.name), `no report of ${business.name}`, result)
  } finally {
    await client.close()
  }
}

/** keys makes one with the sign-in, calls with it, and takes it away again. */
async function keys(check, server, base, idToken, business) {
  const made = await check('an owner makes a key', async () => {
    const spec = { businessId: business.id, role: 'merchant', scopes: ['pos:read', 'reports:read'], label: 'clients' }
    const { status, body } = await call('POST', `${base}/mcp/keys`, idToken, spec)
    expect(status === 201 && body.rawKey?.startsWith('fp_mcp_') && body.key.isActive, `status ${status}`, { ...body, rawKey: undefined })
    await use(sdk1, server.url, body.rawKey, business)
    return body
  })
  if (!made) return
  await check(`revoked, the key is out within ${OUT_WITHIN_SECONDS} s`, async () => {
    const { status, body } = await call('PATCH', `${base}/mcp/keys/${made.key.id}/revoke`, idToken)
    expect(status === 200 && body.isActive === false, `status ${status}`, body)
    const began = Date.now()
    while ((await initialize(server.url, made.rawKey)) !== 401) {
      expect(Date.now() - began < OUT_WITHIN_SECONDS * 1000, 'the key still opens sessions')
      await new Promise((done) => setTimeout(done, 100))
    }
  })
  await check('deleted, it is not listed any more', async () => {
    const gone = await call('DELETE', `${base}/mcp/keys/${made.key.id}`, idToken)
    expect(gone.status === 204, `status ${gone.status}`, gone.body)
    const { status, body } = await call('GET', `${base}/mcp/keys?businessId=${business.id}`, idToken)
    const list = Array.isArray(body) ? body : body?.keys
    expect(status === 200 && list && !list.some((key) => key.id === made.key.id), `status ${status}`, body)
  })
}

/** strangers are those who signed in somewhere, and tokens at the wrong door. */
async function strangers(check, server, base, emulator, idToken, accessToken) {
  const refused = (what, status, send) =>
    check(`${what}: ${status}`, async () => {
      const answer = await send()
      expect(answer.status === status && !answer.body?.accessToken, `status ${answer.status}`, answer.body)
    })
  const exchange = (token) => call('POST', `${base}/mcp/token`, token)
  await refused('a sign-up of somebody without a business', 403, async () => exchange(await emulator.signUp('nobody@example.com')))
  await refused('an anonymous sign-up', 401, async () => exchange(await emulator.signUp()))
  await refused('a truncated ID token', 401, () => exchange(truncated(idToken)))
  await refused('an ID token of another project', 401, () => exchange(changed(idToken, { aud: 'demo-other' })))
  await refused('an access token where ID tokens go', 401, () => exchange(accessToken))
  await refused('an ID token where access tokens go', 401, async () => ({ status: await initialize(server.url, idToken) }))
  await refused('nothing at all', 401, () => exchange(undefined))
  await refused('an unsigned token where no emulator is set', 401, () => call('POST', `${server.strict}/token`, idToken))
}

/** initialize is the status of opening a session. */
async function initialize(url, bearer) {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'flowpos-clients', version: '1.0.0' } }
  const answer = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  })
  await answer.text()
  return answer.status
}

/** truncated is a token whose claims are cut short. */
function truncated(token) {
  const [header, claims] = token.split('.')
  return `${header}.${claims.slice(0, -4)}.`
}

/** changed is one whose claims say something else: nothing in an unsigned token speaks against it. */
function changed(token, change) {
  const [header, claims] = token.split('.')
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString())
  return `${header}.${Buffer.from(JSON.stringify({ ...said, ...change })).toString('base64url')}.`
}
