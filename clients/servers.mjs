// Starts what the suites need, once each, or takes what already runs.
//
//   demo      flowpos demo: the product as a newcomer sees it
//   fixtures  flowpos demo of the build with fixtures (internal/mcphttp/fixtures)
//   pair      two flowpos serve on the database of such a demo, without Redis
//   shared    two more, which share a Redis
//   keysonly  flowpos serve on the database of the demo, where nobody can sign in
//   firebase  flowpos serve on the database of the demo, which takes the sign-ins of a Firebase Auth emulator, and one
//             that does not
//
// Each is given to a suite as {urls, url, key, keys, fixtures, pair}; firebase has {emulator, project, strict} too.

import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from './report.mjs'

const READY_SECONDS = 60 // the promise is 20 on first start; a busy machine gets three times that

export class Servers {
  #options
  #started = new Map() // kind -> promise of a server
  #programs = []
  #dirs = []

  constructor(options) {
    this.#options = options
  }

  /** get returns the server of this kind and starts it the first time. */
  get(kind) {
    if (!this.#started.has(kind)) this.#started.set(kind, this.#running(kind) ?? this.#start(kind))
    return this.#started.get(kind)
  }

  /** stop ends every program that was started here, the last one first, and removes their folders. */
  async stop() {
    for (const program of this.#programs.reverse()) await program.stop()
    this.#programs = []
    for (const dir of this.#dirs) await rm(dir, { recursive: true, force: true })
    this.#dirs = []
  }

  #running(kind) {
    const file = this.#options[kind]
    return file && readCredentials(file).then((c) => this.#describe(kind, c))
  }

  #describe(kind, credentials) {
    const { keys } = credentials
    const key = this.#options.key ? keys.find((k) => k.name === this.#options.key) : keys[0]
    expect(key, `the credentials file has no key ${this.#options.key ?? ''}`)
    const urls = credentials.urls ?? [credentials.url]
    return { urls, url: urls[0], key: key.key, keys, credentials, pair: urls.length === 2, redis: kind === 'shared', fixtures: kind !== 'demo' }
  }

  async #start(kind) {
    if (kind === 'pair') return this.#startPair(kind, {})
    if (kind === 'shared') return this.#startPair(kind, { REDIS_URL: await this.#startRedis() })
    if (kind === 'keysonly') return this.#startKeysOnly()
    if (kind === 'firebase') return this.#startFirebase()
    const binary = this.#binary(kind)
    const dir = await mkdtemp(path.join(tmpdir(), `flowpos-${kind}-`))
    this.#dirs.push(dir)
    await chmod(dir, 0o711) // started by root, PostgreSQL runs as another user and has to get to its folder
    const file = path.join(dir, 'credentials.json')
    const program = this.#spawn(binary, ['demo', '--port', String(await freePort()), '--data-dir', path.join(dir, 'data'), '--credentials-file', file])
    const credentials = await program.until('a credentials file', () => readCredentials(file).catch(() => undefined))
    await program.until('/health/ready', () => ready(credentials.url))
    return this.#describe(kind, credentials)
  }

  async #startPair(kind, more) {
    const { credentials } = await this.get('fixtures')
    const urls = []
    for (let i = 0; i < 2; i++) {
      const port = await freePort()
      const url = `http://127.0.0.1:${port}/mcp`
      const program = this.#spawn(this.#binary('fixtures'), ['serve'], {
        DATABASE_URL: credentials.appDatabaseUrl,
        PORT: String(port),
        APP_ENV: 'development',
        ...more,
      })
      await program.until('/health/ready', () => ready(url))
      urls.push(url)
    }
    return this.#describe(kind, { ...credentials, urls })
  }

  /** #startRedis starts the Redis of the Go tests, which find or fetch one, and returns its URL. */
  async #startRedis() {
    const dir = await mkdtemp(path.join(tmpdir(), 'flowpos-redis-'))
    this.#dirs.push(dir)
    const binary = path.join(dir, 'withredis')
    const module = fileURLToPath(new URL('..', import.meta.url))
    const go = spawnSync('go', ['build', '-o', binary, './internal/session/redistest/cmd/withredis'], { cwd: module, stdio: 'inherit' })
    expect(go.status === 0, `go build of withredis ended with ${go.status ?? go.error?.message}`)
    const program = this.#spawn(binary, ['--', 'sh', '-c', 'echo "Redis at $FLOWPOS_TEST_REDIS"; exec sleep 86400'])
    return program.until('its address', () => program.heard(/Redis at (\S+)/)?.[1]).then((address) => `redis://${address}/0`)
  }

  async #startKeysOnly() {
    const { credentials } = await this.get('demo')
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/mcp`
    const program = this.#spawn(this.#binary('demo'), ['serve'], { DATABASE_URL: credentials.appDatabaseUrl, APP_ENV: 'development', PORT: String(port) })
    await program.until('/health/ready', () => ready(url))
    return { ...this.#describe('keysonly', { ...credentials, urls: [url] }), fixtures: false }
  }

  async #startFirebase() {
    const { credentials } = await this.get('demo')
    const project = 'demo-flowpos'
    const dir = fileURLToPath(new URL('firebase/', import.meta.url))
    await installed(dir)
    const emulator = `http://127.0.0.1:${await freePort()}`
    const program = this.#spawn(process.execPath, [path.join(dir, 'emulator.mjs'), new URL(emulator).port, project])
    await program.until('the emulator', () => fetch(emulator).then((answer) => answer.ok, () => false))
    const settings = {
      DATABASE_URL: credentials.appDatabaseUrl,
      APP_ENV: 'development',
      MCP_TOKEN_SECRET: randomBytes(32).toString('base64'),
      FIREBASE_PROJECT_ID: project,
    }
    const urls = []
    for (const more of [{ FIREBASE_AUTH_EMULATOR_HOST: new URL(emulator).host }, {}]) {
      const port = await freePort()
      urls.push(`http://127.0.0.1:${port}/mcp`)
      const serve = this.#spawn(this.#binary('demo'), ['serve'], { ...settings, ...more, PORT: String(port) })
      await serve.until('/health/ready', () => ready(urls.at(-1)))
    }
    return { ...this.#describe('firebase', { ...credentials, urls: urls.slice(0, 1) }), fixtures: false, emulator, project, strict: urls[1] }
  }

  #binary(kind) {
    const option = kind === 'demo' ? 'binary' : 'fixtures-binary'
    const binary = this.#options[option]
    expect(binary, `this suite needs --${option} or --${kind}`)
    return path.resolve(binary)
  }

  #spawn(binary, args, env) {
    const program = new Program(binary, args, { FRONT: this.#options.front, LIMITS: this.#options.limits, ...env })
    this.#programs.push(program)
    return program
  }
}

/** Program is one flowpos process and the last of what it said. */
class Program {
  #child
  #said = ''
  #name
  #exited

  constructor(binary, args, env) {
    this.#name = `${path.basename(binary)} ${args[0]}`
    this.#child = spawn(binary, args, { env: { ...inherited(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (s) => (this.#said = (this.#said + s).slice(-4000))
    this.#child.stdout.setEncoding('utf8').on('data', keep)
    this.#child.stderr.setEncoding('utf8').on('data', keep)
    this.#exited = new Promise((done) => {
      this.#child.once('error', (error) => done(error.message))
      this.#child.once('close', (code, signal) => done(`ended with ${code ?? signal}`))
    })
  }

  /** heard looks for something in what the program said. */
  heard(pattern) {
    return this.#said.match(pattern)
  }

  /** until asks every 100 ms for what the program should bring about. */
  async until(what, ask) {
    let ended
    this.#exited.then((how) => (ended = how))
    for (const limit = Date.now() + READY_SECONDS * 1000; Date.now() < limit; await sleep(100)) {
      expect(!ended, `${this.#name} ${ended} before it gave ${what}`, this.#said)
      const answer = await ask()
      if (answer) return answer
    }
    expect(false, `${this.#name} gave no ${what} within ${READY_SECONDS} s`, this.#said)
  }

  /** stop asks the program to end, and insists after 15 s: a graceful stop takes up to 10. */
  async stop() {
    this.#child.kill('SIGTERM')
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), 15_000)
    await this.#exited
    clearTimeout(insist)
  }
}

/** inherited is the caller's environment without its settings: a DATABASE_URL there is not the check's. */
function inherited() {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'FLOWPOS_PG_BIN', 'FLOWPOS_REDIS_BIN', 'GOCOVERDIR']
  return Object.fromEntries(names.filter((name) => process.env[name]).map((name) => [name, process.env[name]]))
}

/** installed gets the packages of a folder that only some suites need, as ./run does for all the others. */
async function installed(dir) {
  const lock = path.join(dir, 'package-lock.json')
  const stamp = path.join(dir, 'node_modules', '.installed-from')
  const [now, before] = await Promise.all([readFile(lock, 'utf8'), readFile(stamp, 'utf8').catch(() => '')])
  if (now === before) return
  console.log(`clients: installing ${path.basename(dir)}`)
  const npm = spawnSync('npm', ['ci'], { cwd: dir, stdio: 'inherit' })
  expect(npm.status === 0, `npm ci in ${dir} ended with ${npm.status ?? npm.error?.message}`)
  await copyFile(lock, stamp)
}

async function readCredentials(file) {
  return JSON.parse(await readFile(file, 'utf8'))
}

async function ready(url) {
  const answer = await fetch(new URL('/health/ready', url)).catch(() => undefined)
  return answer?.ok
}

/** freePort is a port that nobody listens on at the moment. */
export async function freePort() {
  const server = createServer()
  await new Promise((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}
