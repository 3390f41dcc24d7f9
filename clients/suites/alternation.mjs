// The TypeScript SDK through two instances in strict turn, without Redis: no request may care which of
// them it meets. Each request goes to the other instance than the one before, streams included.

import { sdk1, sdk2, sdk2Newer } from './sdks.mjs'
import { session } from './session.mjs'

export const needs = 'pair'
export const fast = false
export const about = 'TypeScript SDK through two instances in strict turn'

export async function run(check, server) {
  for (const sdk of [sdk1, sdk2, sdk2Newer]) await session(check, sdk, server)
}
