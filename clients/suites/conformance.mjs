// The protocol's own conformance suites, in two versions, through a proxy that adds the key.

import http from 'node:http'
import { node, throwawayHome } from '../command.mjs'
import { answer } from '../person.mjs'
import { startProxy } from '../proxy.mjs'
import { expect } from '../report.mjs'
import { freePort } from '../servers.mjs'

export const needs = 'fixtures'
export const fast = false
export const about = 'conformance suites 0.1.16 and 0.2.0-alpha.11, of the authorization server too'

// passed is what the official Go server reaches with the same fixtures. More is fine: two further checks
// of resumable streams exist for servers that have them. Fewer means that checks were skipped, which
// the exit status does not show.
const runs = [
  { suite: 'conformance', args: ['--suite', 'active'], passed: 40 },
  { suite: 'conformance', args: ['--suite', 'all'], passed: 44 },
  { suite: 'conformance-next', args: ['--requirements', '2025-11-25'], passed: 82 },
  // 30 checks of the tasks extension fail and are not scored; the exit status covers the scored ones.
  { suite: 'conformance-next', args: ['--requirements', '2026-07-28'], passed: 163, unscored: 30 },
]

export async function run(check, server) {
  await check('the proxy leaves a foreign Host and Origin alone', foreignHost)
  const proxy = await startProxy(server.url, server.key)
  try {
    for (const { suite, args, passed, unscored = 0 } of runs) {
      await check(`${suite} ${args.join(' ')}`, () =>
        throwawayHome(async (home) => {
          const out = await node(`${suite}/dist/index.js`, ['server', '--url', proxy.url, ...args], { home, seconds: 120 })
          expectTotal(out, passed, unscored)
        }),
      )
    }
  } finally {
    await proxy.close()
  }
  await check('conformance-next authorization', () => authorization(server))
}

function expectTotal(out, passed, unscored = 0) {
  const summary = out.stdout.slice(out.stdout.indexOf('=== SUMMARY ==='))
  const total = /Total: (\d+) passed, (\d+) failed/.exec(summary)
  expect(total, 'the suite gave no total', out.stdout + out.stderr)
  expect(
    out.status === 0 && Number(total[1]) >= passed && Number(total[2]) <= unscored,
    `${total[0]}, exit ${out.status}; expected at least ${passed} passed and ${unscored} failed`,
    failures(out.stdout) || summary,
  )
}

/**
 * authorization runs the two scenarios for authorization servers: the metadata, and a code for a client that is registered
 * before. The suite prints where a person has to go; it sends neither a resource nor scopes.
 */
async function authorization(server) {
  const base = new URL(server.url).origin
  const port = await freePort()
  const redirect = `http://127.0.0.1:${port}/callback`
  const registered = await fetch(`${base}/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_name: 'conformance', redirect_uris: [redirect], token_endpoint_auth_method: 'none' }),
  })
  const client = await registered.json()
  expect(registered.status === 201, `registration: status ${registered.status}`, client)
  let person
  const out = await throwawayHome((home) =>
    node('conformance-next/dist/index.js', ['authorization', '--url', base, '--client-id', client.client_id, '-p', String(port)], {
      home,
      onLine(line) {
        // The callback server starts right after the line; the person takes longer than that, and tries again if not.
        if (line.startsWith(`${base}/authorize?`)) person = answer(line).then(arrive)
        person?.catch(() => {}) // is looked at below
      },
    }),
  )
  await person
  expectTotal(out, 3)
}

/** arrive goes to a redirect URI whose program may just be starting to listen. */
async function arrive(url) {
  for (let left = 50; ; left--) {
    const got = await fetch(url).catch((error) => error)
    if (got.ok) return
    expect(left > 0, `nobody takes the answer at ${url.origin}`, String(got))
    await new Promise((done) => setTimeout(done, 100))
  }
}

/**
 * foreignHost sends a request through a proxy to a server that tells what arrived. Were the proxy to correct
 * the header, the case about DNS rebinding would pass or fail for the wrong reason.
 */
async function foreignHost() {
  const mirror = http.createServer((req, res) => res.end(JSON.stringify(req.headers)))
  await new Promise((ready) => mirror.listen(0, '127.0.0.1', ready))
  const behind = `127.0.0.1:${mirror.address().port}`
  const proxy = await startProxy(`http://${behind}/mcp`, 'a-key')
  try {
    const foreign = await headersAt(proxy.url, { host: 'evil.example.com', origin: 'http://evil.example.com' })
    expect(foreign.host === 'evil.example.com' && foreign.origin === 'http://evil.example.com', 'changed on the way', foreign)
    expect(foreign.authorization === 'Bearer a-key', 'the key was not added', foreign)
    const own = new URL(proxy.url)
    const local = await headersAt(proxy.url, { host: own.host, origin: own.origin })
    expect(local.host === behind && local.origin === `http://${behind}`, 'its own name was not replaced', local)
  } finally {
    await proxy.close()
    mirror.close()
  }
}

function headersAt(url, headers) {
  return new Promise((done, failed) => {
    const request = http.get(url, { headers }, async (response) => {
      let body = ''
      for await (const part of response.setEncoding('utf8')) body += part
      done(JSON.parse(body))
    })
    request.once('error', failed)
  })
}

/** failures picks the lines that say which scenario failed and why. */
function failures(output) {
  return output
    .split('\n')
    .filter((line) => /✗|FAILURE|[1-9]\d* failed/.test(line) && !/tasks-|Total/.test(line))
    .join('\n')
}
