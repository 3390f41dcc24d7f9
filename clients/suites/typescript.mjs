// The TypeScript SDK, both lines and both eras, on one instance: everything a session can do.

import { sdk1, sdk2, sdk2Newer } from './sdks.mjs'
import { session } from './session.mjs'

export const needs = 'fixtures'
export const fast = false
export const about = 'TypeScript SDK 1.x and 2.x, every kind of traffic'

export async function run(check, server) {
  for (const sdk of [sdk1, sdk2, sdk2Newer]) await session(check, sdk, server)
}
