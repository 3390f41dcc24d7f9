// A fetch that remembers what went over the wire, and takes the given base addresses in turn.

/** tracing returns {fetch, requests}. With two urls, every other request goes to the other instance. */
export function tracing(urls) {
  const requests = []
  const hosts = urls.map((url) => new URL(url).host)
  return {
    requests,
    async fetch(input, init = {}) {
      const url = new URL(input)
      url.host = hosts[requests.length % hosts.length]
      const request = { method: init.method ?? 'GET', host: url.host, headers: new Headers(init.headers), status: 0 }
      requests.push(request)
      const response = await fetch(url, init)
      request.status = response.status
      return response
    },
  }
}

/** brief is what a failed check shows of the trace. */
export function brief(requests) {
  return requests.map((r) => `${r.method} ${r.host} ${r.status}`).join('\n')
}
