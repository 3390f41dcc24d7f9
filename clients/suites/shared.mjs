// The TypeScript SDK through two instances in strict turn that share a Redis: everything works, whichever instance holds the
// call or the stream. Each request goes to the other instance than the one before, streams included.

import { sdk1, sdk2, sdk2Newer } from './sdks.mjs'
import { session } from './session.mjs'

export const needs = 'shared'
export const fast = false
export const about = 'TypeScript SDK through two instances in strict turn, with Redis'

export async function run(check, server) {
  for (const sdk of [sdk1, sdk2, sdk2Newer]) await session(check, sdk, server)
}
