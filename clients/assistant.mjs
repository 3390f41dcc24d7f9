// An assistant of the TypeScript SDK's that connects by the URL alone, for the suites in which somebody lets one in.

import { answer } from './person.mjs'
import { expect } from './report.mjs'
import { info } from './suites/sdks.mjs'

/** redirect is where nobody listens: whoever answers hands the answer over. */
export const redirect = 'http://127.0.0.1:41414/callback'

/** clientMetadata is what an assistant registers with. */
export const clientMetadata = (method, to = redirect) => ({
  client_name: 'flowpos-clients',
  redirect_uris: [to],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: method,
})

/**
 * Assistant is a program that connects with one line of the SDK (see suites/sdks.mjs), keeps what its OAuth side gives it, and
 * has somebody to ask. to is its redirect URI.
 */
export class Assistant {
  asked = [] // URLs that a person was sent to
  #requests = []

  constructor(sdk, url, { method = 'none', to = redirect, client, tokens } = {}) {
    this.sdk = sdk
    this.url = url
    this.kept = { client, tokens, method, to }
  }

  // What the SDK calls: an OAuthClientProvider.
  get redirectUrl() {
    return this.kept.to
  }
  get clientMetadata() {
    return clientMetadata(this.kept.method, this.kept.to)
  }
  state() {
    return (this.kept.state = crypto.randomUUID())
  }
  clientInformation() {
    return this.kept.client
  }
  saveClientInformation(client) {
    this.kept.client = client
  }
  tokens() {
    return this.kept.tokens
  }
  saveTokens(tokens) {
    this.kept.tokens = tokens
  }
  redirectToAuthorization(url) {
    this.asked.push(url)
  }
  saveCodeVerifier(verifier) {
    this.kept.verifier = verifier
  }
  codeVerifier() {
    return this.kept.verifier
  }
  invalidateCredentials(what) {
    if (what === 'all' || what === 'tokens') this.kept.tokens = undefined
    if (what === 'all' || what === 'client') this.kept.client = undefined
    if (what === 'all' || what === 'discovery') this.kept.discovery = undefined
  }

  discoveryState() {
    return this.kept.discovery
  }
  saveDiscoveryState(discovery) {
    this.kept.discovery = discovery
  }

  /** auth refreshes, or asks the person. */
  auth() {
    return this.sdk.auth(this, { serverUrl: this.url, fetchFn: (...args) => this.fetch(...args) })
  }

  /** connect opens a session with what there is. */
  async connect() {
    await this.close()
    this.client = new this.sdk.Client(info, this.sdk.options)
    this.transport = new this.sdk.Transport(new URL(this.url), { authProvider: this, fetch: (...args) => this.fetch(...args) })
    await this.client.connect(this.transport)
  }

  /** signIn connects without anything, asks the person, and connects again. */
  async signIn(choice) {
    const error = await this.connect().then(() => undefined, (e) => e)
    expect(error instanceof this.sdk.UnauthorizedError, `without a token: ${error}`)
    await this.finish(choice)
    await this.connect()
  }

  /** answer is what the person's answer brings to the redirect URI. */
  async answer(choice) {
    const to = await answer(this.asked.at(-1), choice)
    expect(to.href.startsWith(`${this.kept.to}?`), 'not the redirect URI', to.href)
    expect(to.searchParams.get('state') === this.kept.state, 'another state', to.href)
    expect(to.searchParams.get('iss') === new URL(this.url).origin, 'another issuer', to.href)
    return to
  }

  async finish(choice) {
    const to = await this.answer(choice)
    expect(to.searchParams.has('code'), 'no code', to.href)
    await this.sdk.finish(this.transport, to.searchParams)
  }

  /** call returns the text of a result. */
  async call(name, args = {}) {
    const result = await this.client.callTool({ name, arguments: args })
    expect(!result.isError && result.content?.[0]?.text, `${name}: not an answer`, result)
    return result.content[0].text
  }

  async close() {
    await this.client?.close()
  }

  /** seen is what went over the wire since forget, without streams. */
  seen() {
    return this.#requests.filter((r) => r.method !== 'GET' || !r.path.startsWith('/mcp')).map((r) => `${r.method} ${r.path} ${r.status}`)
  }

  forget() {
    this.#requests = []
  }

  async fetch(input, init = {}) {
    const request = { method: init.method ?? 'GET', path: new URL(input).pathname, status: 'no answer' }
    this.#requests.push(request)
    const response = await fetch(input, init)
    request.status = response.status
    return response
  }
}
