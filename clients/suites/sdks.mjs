// The TypeScript SDK in its two lines, under one face for the steps in session.mjs:
// connect({url, key, fetch, ...}) gives {list, call, sessionId, end, close}.

import * as auth1 from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import * as sdk2Whole from '@modelcontextprotocol/client'
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client'

export const info = { name: 'flowpos-clients', version: '1.0.0' }

/**
 * lines are both lines with everything they export for discovery and authorization, for suites about that. finish hands a
 * transport what came to the redirect URI.
 */
export const lines = [
  { name: 'sdk 1.x', ...auth1, Client: Client1, Transport: Transport1, finish: (transport, answer) => transport.finishAuth(answer.get('code')) },
  { name: 'sdk 2.x', ...sdk2Whole, Client: Client2, Transport: Transport2, finish: (transport, answer) => transport.finishAuth(answer) },
]

/** sdk1 is the line that most assistants still use: older era only. */
export const sdk1 = {
  name: 'sdk 1.x',
  async connect(to) {
    const client = new Client1(info, options(to))
    client.setRequestHandler(ElicitRequestSchema, to.onElicit)
    const transport = new Transport1(new URL(to.url), http(to))
    await client.connect(transport)
    return face(client, transport, (params, o) => client.callTool(params, undefined, o))
  },
}

/** sdk2 speaks the older era unless told otherwise. */
export const sdk2 = {
  name: 'sdk 2.x',
  connect: (to) => connect2(to, 'legacy'),
}

/** sdk2Newer speaks only the newer era: no session, no GET, no DELETE. */
export const sdk2Newer = {
  name: 'sdk 2.x, newer era',
  newer: true,
  connect: (to) => connect2(to, { pin: '2026-07-28' }),
}

async function connect2(to, mode) {
  const client = new Client2(info, { ...options(to), versionNegotiation: { mode } })
  client.setRequestHandler('elicitation/create', to.onElicit)
  const transport = new Transport2(new URL(to.url), http(to))
  await client.connect(transport)
  return face(client, transport, (params, o) => client.callTool(params, o))
}

function options({ onTools }) {
  return {
    capabilities: { elicitation: {} },
    listChanged: { tools: { onChanged: onTools, autoRefresh: false, debounceMs: 0 } },
  }
}

function http({ key, fetch }) {
  return {
    fetch,
    requestInit: { headers: { Authorization: `Bearer ${key}` } },
    reconnectionOptions: { initialReconnectionDelay: 50, maxReconnectionDelay: 500, reconnectionDelayGrowFactor: 1.5, maxRetries: 5 },
  }
}

function face(client, transport, call) {
  return {
    server: client.getServerVersion(),
    version: transport.protocolVersion ?? client.getNegotiatedProtocolVersion?.(),
    sessionId: transport.sessionId,
    list: async () => (await client.listTools()).tools,
    call: (name, args = {}, o) => call({ name, arguments: args }, { timeout: 20_000, ...o }),
    end: () => transport.terminateSession(),
    close: () => client.close(),
  }
}
