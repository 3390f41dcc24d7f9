// Claude Code: its health check connects for real and needs no account.

import path from 'node:path'
import { command, modules, throwawayHome } from '../command.mjs'
import { expect } from '../report.mjs'

export const needs = 'demo'
export const fast = true
export const about = 'Claude Code: mcp add, mcp list'

export async function run(check, server) {
  await check('mcp list says Connected', async () => {
    const said = await health(server.url, server.key)
    expect(/^pos: .*✔ Connected/m.test(said), 'not connected', said)
  })
  await check('mcp list with a wrong key does not', async () => {
    const said = await health(server.url, 'fp_mcp_wrong')
    expect(/^pos: /m.test(said) && !said.includes('Connected'), 'connected, or did not try', said)
    expect(/401|authenti/i.test(said), 'does not say that it is about the key', said)
  })
  await check('mcp list without a key says that it needs a sign-in', async () => {
    const said = await health(server.url)
    expect(/^pos: .*Needs authentication/m.test(said), 'something else', said)
  })
}

/** health, with a key or none, adds the server to an empty configuration and returns what mcp list says. */
function health(url, key) {
  return throwawayHome(async (home) => {
    const claude = (...args) => command(process.execPath, [wrapper, ...args], { home })
    const header = key ? ['--header', `Authorization: Bearer ${key}`] : []
    const added = await claude('mcp', 'add', '--transport', 'http', 'pos', url, ...header)
    expect(added.status === 0, `mcp add: exit ${added.status}`, added.stdout + added.stderr)
    return (await claude('mcp', 'list')).stdout
  })
}

// The wrapper finds the platform's program; the package's own bin would need an install script.
const wrapper = path.join(modules, '@anthropic-ai/claude-code/cli-wrapper.cjs')
