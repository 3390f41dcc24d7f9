// Runs other people's command-line clients.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** modules is where the pinned clients are installed. */
export const modules = fileURLToPath(new URL('node_modules/', import.meta.url))

/**
 * command runs a program to its end, for at most seconds, and returns {status, stdout, stderr}. home is its
 * HOME: clients keep settings, credentials and caches there, and must see nobody's but the check's. env adds to the little
 * that it finds around it; onLine hears each line of its output as it comes.
 */
export async function command(program, args, { home, cwd = home, seconds = 60, env = {}, onLine } = {}) {
  const child = spawn(program, args, { cwd, env: { ...environment(home), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (s) => (stdout += s))
  child.stderr.setEncoding('utf8').on('data', (s) => (stderr += s))
  if (onLine) createInterface({ input: child.stdout }).on('line', onLine)
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
  try {
    const status = await new Promise((done, failed) => {
      child.once('error', failed)
      child.once('close', (code, signal) => done(code ?? signal))
    })
    return { status, stdout, stderr }
  } finally {
    clearTimeout(timer)
  }
}

/** node runs a script of an installed package. */
export function node(script, args, options) {
  return command(process.execPath, [path.join(modules, script), ...args], options)
}

/** throwawayHome calls fn with an empty directory and removes it afterwards. */
export async function throwawayHome(fn) {
  const home = await mkdtemp(path.join(tmpdir(), 'flowpos-clients-'))
  try {
    return await fn(home)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** environment is the little that a client needs: none of the caller's settings and credentials. */
function environment(home) {
  return {
    PATH: process.env.PATH,
    HOME: home,
    TERM: 'dumb',
    NO_COLOR: '1',
    CI: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
  }
}
