// The MCP inspector's command line, in each way it can settle on a protocol era.

import { node, throwawayHome } from '../command.mjs'
import { expect } from '../report.mjs'

export const needs = 'demo'
export const fast = true
export const about = 'MCP inspector, command line, both protocol eras'

const AUTHORIZATION_REQUIRED = 3

export async function run(check, server) {
  await throwawayHome(async (home) => {
    const inspect = (key, era, ...args) =>
      node(
        '@modelcontextprotocol/inspector/clients/launcher/build/index.js',
        ['--cli', server.url, '--transport', 'http', '--header', `Authorization: Bearer ${key}`, '--protocol-era', era, '--stored-auth-only', ...args],
        { home },
      )
    for (const era of ['legacy', 'modern', 'auto']) {
      await check(`${era}: tools/list has whoami and get_sales_report`, async () => {
        // --strict: exit 6 when a schema would not survive the model providers (on fixtures it would not).
        const { tools } = parse(await inspect(server.key, era, '--method', 'tools/list', ...(server.fixtures ? [] : ['--strict'])))
        const names = tools.map((tool) => tool.name)
        expect(names.includes('whoami') && names.includes('get_sales_report'), 'the list lacks one of them', names)
      })
      for (const tool of ['whoami', 'get_sales_report']) {
        await check(`${era}: tools/call ${tool}`, async () => {
          const result = parse(await inspect(server.key, era, '--method', 'tools/call', '--tool-name', tool))
          expect(!result.isError && result.content?.[0]?.text, 'not an answer', result)
        })
      }
      await check(`${era}: a wrong key is told to authorize`, async () => {
        const out = await inspect('fp_mcp_wrong', era, '--method', 'tools/list')
        expect(out.status === AUTHORIZATION_REQUIRED, `exit ${out.status}, expected ${AUTHORIZATION_REQUIRED}`, out.stdout + out.stderr)
      })
    }
  })
}

function parse(out) {
  expect(out.status === 0, `exit ${out.status}`, out.stderr + out.stdout)
  return JSON.parse(out.stdout)
}
