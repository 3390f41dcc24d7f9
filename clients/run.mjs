// Runs suites of real clients against the MCP endpoint and says what each of them saw.
// Started by ./run, which see.

import { parseArgs } from 'node:util'
import { Report } from './report.mjs'
import { Servers } from './servers.mjs'
import * as alternation from './suites/alternation.mjs'
import * as claude from './suites/claude.mjs'
import * as conformance from './suites/conformance.mjs'
import * as discovery from './suites/discovery.mjs'
import * as firebase from './suites/firebase.mjs'
import * as inspector from './suites/inspector.mjs'
import * as keysonly from './suites/keysonly.mjs'
import * as mcpremote from './suites/mcpremote.mjs'
import * as oauth from './suites/oauth.mjs'
import * as refresh from './suites/refresh.mjs'
import * as shared from './suites/shared.mjs'
import * as signin from './suites/signin.mjs'
import * as typescript from './suites/typescript.mjs'

// A suite exports: needs (a kind of server, see servers.mjs), fast (part of .ci/run), about (one
// line for --help) and run(check, server); check(what, fn) is one check, check.skip(what, why) one that cannot be made here, check.say(text) a figure.
const suites = { inspector, claude, discovery, keysonly, oauth, conformance, typescript, alternation, shared, refresh, mcpremote, firebase, signin }

const usage = `usage: run [options] [SUITE...]

Runs the suites named, or all of them, and ends with "N passed, N failed"; exit status 1 if any failed.

${Object.entries(suites).map(([name, s]) => `  ${name.padEnd(12)} ${s.about} (${s.needs}${s.fast ? '' : '; not --fast'})`).join('\n')}

Programs to start (the suites stop them again):
  --binary FILE            flowpos
  --fixtures-binary FILE   flowpos built with -tags fixtures
or servers that run already:
  --demo FILE              credentials file of a running demo
  --fixtures FILE          credentials file of a running demo with fixtures
  --pair FILE              the same for two instances: "urls" instead of "url"

  --key NAME               which key of the credentials file to use (default: the first)
  --front off              start the programs with FRONT=off: the SDK answers plain requests too
  --limits on              start the programs with their limits, which the suites of conformance exceed (default: off)
  --fast                   only the suites that .ci/run has: on the demo, in seconds
`

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    binary: { type: 'string' },
    'fixtures-binary': { type: 'string' },
    demo: { type: 'string' },
    fixtures: { type: 'string' },
    pair: { type: 'string' },
    key: { type: 'string' },
    front: { type: 'string', default: 'on' },
    limits: { type: 'string', default: 'off' },
    fast: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  process.stdout.write(usage)
  process.exit(0)
}
const unknown = positionals.filter((name) => !suites[name])
if (unknown.length > 0) {
  process.stderr.write(`run: there is no suite ${unknown.join(', ')}\n\n${usage}`)
  process.exit(2)
}
const names = positionals.length > 0 ? positionals : Object.keys(suites).filter((name) => suites[name].fast || !options.fast)

const servers = new Servers(options)
const report = new Report()
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await servers.stop()
    process.exit(130)
  })
}
try {
  for (const name of names) {
    const suite = suites[name]
    const server = await report.check(`${name}: server (${suite.needs})`, () => servers.get(suite.needs))
    const check = (what, fn) => report.check(`${name}: ${what}`, fn)
    check.skip = (what, why) => report.skip(`${name}: ${what}`, why)
    check.say = (what) => console.log(`                ${name}: ${what}`)
    if (server) await suite.run(check, server)
  }
} finally {
  await servers.stop()
}
process.exit(report.finish())
