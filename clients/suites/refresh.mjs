// The token endpoint under refreshes: one assistant that refreshes on and on, and one that refreshes from very many places at
// once, of which none may be logged out.

import { Assistant } from '../assistant.mjs'
import { expect } from '../report.mjs'
import { lines } from './sdks.mjs'

export const needs = 'demo'
export const fast = false
export const about = 'figures of the token endpoint: refreshes one after the other, and a storm of them'

const SEQUENCE = 500
const STORM = 200

export async function run(check, server) {
  const assistant = new Assistant(lines[0], server.url)
  if (!(await check('sign-in', () => assistant.signIn()))) return
  const { client, tokens } = assistant.kept
  const endpoint = new URL('/mcp/token', server.url)
  await assistant.close()
  let current = tokens // of which each refresh makes the next

  await check(`${SEQUENCE} refreshes one after the other`, async () => {
    const took = []
    for (let i = 0; i < SEQUENCE; i++) {
      const answer = await refresh(endpoint, client, current)
      expect(answer.status === 200 && answer.body.refresh_token !== current.refresh_token, `refresh ${i + 1}: status ${answer.status}`, answer.body)
      current = answer.body
      took.push(answer.took)
    }
    check.say(`${SEQUENCE} refreshes: ${figures(took)}`)
    expect(at(took, 0.99) < 1000, 'far too slow', figures(took))
  })
  await check(`${STORM} refreshes with one token at once`, async () => {
    const start = performance.now()
    const answers = await Promise.all(Array.from({ length: STORM }, () => refresh(endpoint, client, current)))
    const all = performance.now() - start
    const bad = answers.filter((a) => a.status !== 200)
    check.say(`storm of ${STORM}: ${STORM - bad.length} good, all within ${all.toFixed(0)} ms; ${figures(answers.map((a) => a.took))}`)
    expect(bad.length === 0, `${bad.length} of them were refused`, bad[0])
    const next = new Set(answers.map((a) => a.body.refresh_token))
    expect(next.size === 1, 'they are to go on with one and the same token', next.size)
    current = answers[0].body
    const access = answers.map((a) => a.body.access_token)
    for (let i = 0; i < access.length; i += 10) { // more calls at once than that are too many for one sign-in
      const good = await Promise.all(access.slice(i, i + 10).map((token) => callable(server, token)))
      expect(good.every((status) => status === 200), 'an access token of theirs is not good', good)
    }
  })
  await check('one more refresh, and a call', async () => {
    const answer = await refresh(endpoint, client, current)
    expect(answer.status === 200 && answer.body.refresh_token !== current.refresh_token, `status ${answer.status}`, answer.body)
    const status = await callable(server, answer.body.access_token)
    expect(status === 200, `the call is ${status}`)
  })
}

async function refresh(endpoint, client, tokens) {
  const start = performance.now()
  const answer = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: client.client_id }),
  })
  const body = await answer.json()
  return { status: answer.status, body, took: performance.now() - start }
}

/** callable is the status of a call with a token, in the newer era, which needs no session. */
async function callable(server, token) {
  const protocol = '2026-07-28'
  const meta = {
    'io.modelcontextprotocol/protocolVersion': protocol,
    'io.modelcontextprotocol/clientInfo': { name: 'flowpos-clients', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const answer = await fetch(server.url, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': protocol,
      'Mcp-Method': 'tools/call',
      'Mcp-Name': 'whoami',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {}, _meta: meta } }),
  })
  await answer.text()
  return answer.status
}

const at = (took, part) => took.toSorted((a, b) => a - b)[Math.ceil(took.length * part) - 1]
const figures = (took) => ['p50', 'p99', 'most'].map((name, i) => `${name} ${at(took, [0.5, 0.99, 1][i]).toFixed(1)} ms`).join(', ')
