// One line per check, the reason under each that failed, and the counts at the end.

export class Report {
  passed = 0
  failed = 0
  skipped = 0

  /** check runs fn, prints what became of it, and gives back its result; undefined when it failed. */
  async check(name, fn) {
    const start = performance.now()
    try {
      const result = await fn()
      this.passed++
      this.line('ok    ', name, start)
      return result ?? true
    } catch (error) {
      this.failed++
      this.line('FAILED', name, start)
      console.log(String(error?.stack && !error.expected ? error.stack : error?.message ?? error).replace(/^/gm, '         '))
      return undefined
    }
  }

  /** skip says of a check that it cannot be made here, and why. */
  skip(name, why) {
    this.skipped++
    console.log(`skipped         ${name}: ${why}`)
  }

  line(verdict, name, start) {
    console.log(`${verdict} ${((performance.now() - start) / 1000).toFixed(1).padStart(5)} s  ${name}`)
  }

  /** finish prints the counts and returns the exit status: nothing checked is a failure too. */
  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed${this.skipped > 0 ? `, ${this.skipped} skipped` : ''}`)
    return this.failed > 0 || this.passed === 0 ? 1 : 0
  }
}

/** expect fails the check with a sentence; what was seen goes under it. */
export function expect(condition, sentence, seen) {
  if (condition) return
  const text = typeof seen === 'string' ? seen : JSON.stringify(seen, null, 1)
  const error = new Error(seen === undefined ? sentence : `${sentence}\n${text.slice(0, 4000)}`)
  error.expected = true // the stack says nothing that the sentence does not
  throw error
}

/** within waits for promise, but fails after seconds. */
export async function within(seconds, sentence, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(`${sentence}: nothing within ${seconds} s`), { expected: true })), seconds * 1000)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
