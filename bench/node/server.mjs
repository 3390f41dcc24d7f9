// The documented Node way to serve MCP: the official SDK's McpServer and StreamableHTTPServerTransport behind Express, one
// of each per session, sessions in a Map (the SDK's own example, simpleStreamableHttp, without its log lines, its event
// store and its bound of 1,000 sessions). Callers are known from a Map, answers were recorded from the product, the tool
// that queries runs the product's statements in one transaction.
//
// It reads the same script as bench/floor. PORT, SCRIPT and BENCH_INSIDE come from the benchmark.

import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import pg from 'pg'
import { z } from 'zod'

const script = JSON.parse(readFileSync(process.env.SCRIPT, 'utf8'))
const pool = new pg.Pool({ ...connection(script.database), max: script.pool })
const hash = (key) => createHash('sha256').update(key).digest('hex')
const keys = new Map(script.keys.map((key) => [hash(key), key]))

// Schemas and answers are made once; every session's server shares them.
const tools = script.tools.map((tool) => ({
  name: tool.name,
  config: {
    title: tool.title,
    description: tool.description,
    annotations: tool.annotations,
    inputSchema: z.fromJSONSchema(tool.inputSchema),
    ...(tool.outputSchema && { outputSchema: z.fromJSONSchema(tool.outputSchema) }),
  },
}))
const answers = new Map() // by tool
for (const answer of script.answers) {
  const request = JSON.parse(answer.request)
  if (request.method !== 'tools/call' || request.params._meta) continue
  const { content, structuredContent } = JSON.parse(answer.body).result
  answers.set(request.params.name, { does: answer.does, result: { content, ...(structuredContent && { structuredContent }) } })
}

function newServer() {
  const server = new McpServer({ name: 'flowpos-node', version: '1.0.0' }, { capabilities: { logging: {} } })
  for (const { name, config } of tools) {
    const answer = answers.get(name)
    server.registerTool(name, config, async () => {
      if (answer?.does === 'queries') await read()
      return answer?.result ?? { content: [{ type: 'text', text: 'not in the script' }], isError: true }
    })
  }
  for (const [name, { does, result }] of answers) {
    if (does !== 'tells') continue
    server.registerTool(name, { description: 'Sends an event on the stream of the session' }, async () => {
      server.sendToolListChanged()
      return result
    })
  }
  return server
}

/** read runs the product's statements in a transaction of the same shape. */
async function read() {
  const client = await pool.connect()
  try {
    await client.query('BEGIN READ ONLY')
    await client.query({ name: 'b', text: "SELECT set_config('flowpos.businesses', $1, true)", values: [`{${script.business}}`] })
    for (const [i, { sql, args, rows }] of script.statements.entries()) {
      const answer = await client.query({ name: `s${i}`, text: sql, values: args })
      if (answer.rows.length !== rows) throw new Error(`${answer.rows.length} rows instead of ${rows}`)
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

/** connection takes the URL apart: pg does not read the folder of a Unix socket from it. */
function connection(text) {
  const url = new URL(text.replace('@/', '@localhost/'))
  return {
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
    host: url.searchParams.get('host') ?? url.hostname,
    port: Number(url.searchParams.get('port') ?? url.port ?? 5432),
  }
}

const sessions = new Map()
const app = createMcpExpressApp()

app.use((req, res, next) => {
  const key = req.headers.authorization?.replace(/^Bearer /, '') ?? ''
  if (keys.has(hash(key))) return next()
  res.status(401).json({ jsonrpc: '2.0', error: { code: -32000, message: 'Unknown key' }, id: null })
})

app.post('/mcp', async (req, res) => {
  const id = req.headers['mcp-session-id']
  const open = id && sessions.get(id)
  if (open) return open.handleRequest(req, res, req.body)
  if (id || !isInitializeRequest(req.body)) return unknown(res)
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (fresh) => sessions.set(fresh, transport),
  })
  transport.onclose = () => sessions.delete(transport.sessionId)
  await newServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})

const existing = async (req, res) => {
  const open = sessions.get(req.headers['mcp-session-id'])
  return open ? open.handleRequest(req, res) : unknown(res)
}
app.get('/mcp', existing)
app.delete('/mcp', existing)

function unknown(res) {
  res.status(404).json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null })
}

if (process.env.BENCH_INSIDE) {
  createServer((req, res) => {
    if (req.url.includes('gc=1')) globalThis.gc()
    const { heapUsed, external } = process.memoryUsage()
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify({ live: heapUsed + external }))
  }).listen(process.env.BENCH_INSIDE)
}
app.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit()) // so that --cpu-prof gets to write
