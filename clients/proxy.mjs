// A loopback proxy that adds the Authorization header, for suites that cannot send one.
//
// It passes everything else on exactly as it came: Host and Origin too, foreign ones included, so that
// the case about DNS rebinding meets the server and not the proxy; and bodies piece by piece, so that
// event streams are not held back.
//
// One consequence: a suite that talks to the proxy names the proxy's port in Host, and a server that
// compares Host with its own address would refuse that. Only this one is replaced: a Host or Origin
// that names the proxy becomes one that names the server.

import http from 'node:http'

/** startProxy listens on a free port and returns {url, close}. target is the MCP URL behind it. */
export async function startProxy(target, key) {
  const upstream = new URL(target)
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((req, res) => {
    const own = `127.0.0.1:${server.address().port}`
    const headers = rename(req.rawHeaders, own, upstream.host)
    if (!req.headers.authorization) headers.push('Authorization', `Bearer ${key}`)
    const out = http.request(
      { agent, host: upstream.hostname, port: upstream.port, method: req.method, path: req.url, headers, setHost: false },
      (answer) => {
        res.writeHead(answer.statusCode, answer.rawHeaders)
        res.flushHeaders()
        answer.pipe(res)
        answer.on('error', () => res.destroy())
      },
    )
    out.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()))
    res.on('close', () => out.destroy())
    req.pipe(out)
  })
  server.requestTimeout = 0
  await new Promise((ready, failed) => server.once('error', failed).listen(0, '127.0.0.1', ready))
  return {
    url: `http://127.0.0.1:${server.address().port}${upstream.pathname}`,
    close() {
      server.closeAllConnections()
      agent.destroy()
      return new Promise((closed) => server.close(closed))
    },
  }
}

/** rename copies the raw header list and gives Host and Origin the server's name where they name the proxy. */
function rename(raw, own, upstream) {
  return raw.map((value, i) => {
    const name = i % 2 === 1 ? raw[i - 1].toLowerCase() : ''
    if (name === 'host' && value === own) return upstream
    if (name === 'origin' && value === `http://${own}`) return `http://${upstream}`
    return value
  })
}
