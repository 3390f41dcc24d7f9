// What one client does in one session, step by step: the body of the suites typescript and alternation.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, within } from '../report.mjs'
import { brief, tracing } from './trace.mjs'

/** session runs every step that sdk and server allow. */
export async function session(check, sdk, server) {
  const step = (what, fn) => check(`${sdk.name}: ${what}`, fn)
  const trace = tracing(server.urls)
  const heard = { tools: 0, asked: [] }
  const client = await step(sdk.newer ? 'discover' : 'initialize', () => connect(sdk, server, trace, heard))
  if (!client) return
  try {
    await plain(step, client)
    await progress(step, client, server)
    if (server.fixtures && (!server.pair || server.redis)) {
      // Without Redis these need the instance that holds the call or the stream.
      await cancel(step, client)
      await elicit(step, client, heard)
      await listChanged(step, client, heard, trace, sdk.newer)
      if (!sdk.newer) await resume(step, client, trace)
    }
    if (server.pair) await step('both instances were used in turn', () => turns(trace))
    if (!sdk.newer) await end(step, client, server, trace)
  } finally {
    await client.close()
  }
}

async function connect(sdk, server, trace, heard) {
  const client = await sdk.connect({
    url: server.url,
    key: server.key,
    fetch: trace.fetch,
    onTools: () => heard.tools++,
    onElicit: (request) => {
      heard.asked.push(request.params.message)
      return { action: 'accept', content: { username: 'ana', email: 'ana@example.com' } }
    },
  })
  expect(client.server?.name, 'the server does not say its name', client.server)
  if (sdk.newer) expect(!client.sessionId, 'a session in the newer era', client.sessionId)
  else expect(/^[\x21-\x7e]+$/.test(client.sessionId), 'no session id', client.sessionId)
  return client
}

async function plain(step, client) {
  await step('tools/list', async () => {
    const names = (await client.list()).map((tool) => tool.name)
    expect(names.includes('whoami') && names.includes('get_sales_report'), 'the list lacks whoami or get_sales_report', names)
  })
  for (const tool of ['whoami', 'get_sales_report']) {
    await step(`tools/call ${tool}`, async () => answered(await client.call(tool)))
  }
}

async function progress(step, client, server) {
  const tool = server.fixtures ? 'test_tool_with_progress' : 'get_sales_report'
  await step(`progress of ${tool}`, async () => {
    const seen = []
    answered(await client.call(tool, {}, { onprogress: (p) => seen.push(p.progress) }))
    if (server.fixtures) expect(seen.join() === '0,50,100', 'progress other than 0, 50, 100', seen)
  })
}

async function cancel(step, client) {
  await step('cancelling a call ends it on the server', async () => {
    const name = randomUUID()
    const outcome = async () => answered(await client.call('test_slow_outcome', { name }))
    const until = async (want) => {
      while ((await outcome()) !== want) await sleep(20)
    }
    const abort = new AbortController()
    const call = client.call('test_slow', { name }, { signal: abort.signal }).then(
      () => 'answered',
      () => 'rejected',
    )
    await within(5, 'the call does not start', until('running'))
    abort.abort('enough')
    expect((await call) === 'rejected', 'the cancelled call answered')
    await within(5, 'the call goes on', until('cancelled'))
  })
}

async function elicit(step, client, heard) {
  await step('the server asks the person', async () => {
    const said = answered(await client.call('test_elicitation', { message: 'Who are you?' }))
    expect(heard.asked.includes('Who are you?') && said.includes('accept'), 'not asked, or the answer was lost', { asked: heard.asked, said })
  })
}

async function listChanged(step, client, heard, trace, newer) {
  await step(`tools/list_changed arrives on ${newer ? 'subscriptions/listen' : 'GET'}`, async () => {
    const before = heard.tools
    answered(await client.call('test_trigger_tool_change'))
    const arrives = async () => {
      while (heard.tools === before) await sleep(20)
    }
    await within(5, `no list_changed\n${brief(trace.requests)}`, arrives())
    if (!newer) expect(trace.requests.some((r) => r.method === 'GET' && r.status === 200), 'there is no GET stream', brief(trace.requests))
  })
}

async function resume(step, client, trace) {
  await step('a call whose stream the server closed is resumed', async () => {
    const before = trace.requests.length
    answered(await within(10, 'no answer after the stream was closed', client.call('test_reconnection')))
    const gets = trace.requests.slice(before).filter((r) => r.method === 'GET' && r.headers.has('last-event-id'))
    expect(gets.some((r) => r.status === 200), 'answered without a GET with Last-Event-ID', brief(trace.requests.slice(before)))
  })
}

function turns(trace) {
  const hosts = trace.requests.map((r) => r.host)
  expect(new Set(hosts).size === 2 && hosts.every((host, i) => host === hosts[i % 2]), 'not in turn', brief(trace.requests))
}

async function end(step, client, server, trace) {
  const id = client.sessionId
  await step('DELETE', async () => {
    await client.end()
    const last = trace.requests.findLast((r) => r.method === 'DELETE')
    expect(last && last.status >= 200 && last.status < 300, 'not accepted', brief(trace.requests.slice(-3)))
  })
  await step('a call after DELETE gets 404', async () => {
    // The instance that took the DELETE knows at once, others within 5 s.
    for (const url of server.urls) {
      const limit = Date.now() + (server.pair ? 5000 : 0)
      let response = await listIn(id, url, server.key)
      while (response.status !== 404 && Date.now() < limit) {
        await sleep(100)
        response = await listIn(id, url, server.key)
      }
      expect(response.status === 404, `${url} answers ${response.status}`, await response.text())
    }
  })
}

/** listIn asks for the tools in the session called id, without any SDK. */
function listIn(id, url, key) {
  return fetch(url, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${key}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'Mcp-Session-Id': id,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  })
}

/** answered returns the first text of a result that is not an error. */
function answered(result) {
  expect(!result.isError && result.content?.[0]?.text, 'not an answer', result)
  return result.content[0].text
}
