// The accounts of the Firebase Auth emulator, as firebase/emulator.mjs runs it.

import { expect } from './report.mjs'

/** password is everybody's. */
export const password = 'correct horse'

/** Emulator is the Firebase Auth emulator of a server. */
export class Emulator {
  #api
  #project

  constructor({ emulator, project }) {
    this.#api = `${emulator}/identitytoolkit.googleapis.com/v1`
    this.#project = project
  }

  /** account makes one with the uid that a database knows, if it is not there. */
  async account(localId, email) {
    const { users } = await this.#post(`projects/${this.#project}/accounts:lookup`, { localId: [localId] }, 'owner')
    if (users?.length) return
    await this.#post(`projects/${this.#project}/accounts`, { localId, email, password, emailVerified: true }, 'owner')
  }

  /** disable switches an account off. */
  async disable(localId) {
    await this.#post(`projects/${this.#project}/accounts:update`, { localId, disableUser: true }, 'owner')
  }

  /** signIn is the ID token of such an account. */
  async signIn(localId, email) {
    await this.account(localId, email)
    return this.#idToken('accounts:signInWithPassword', { email, password })
  }

  /** signUp makes an account as anybody can; without an address an anonymous one. */
  signUp(email) {
    return this.#idToken('accounts:signUp', email ? { email, password } : {})
  }

  async #idToken(path, body) {
    return (await this.#post(`${path}?key=fake`, { ...body, returnSecureToken: true })).idToken
  }

  async #post(path, body, bearer) {
    const answer = await call('POST', `${this.#api}/${path}`, bearer, body)
    expect(answer.status === 200, `the emulator says ${answer.status}`, answer.body)
    return answer.body
  }
}

/** call sends JSON, or nothing, and returns {status, body}. */
export async function call(method, url, bearer, body) {
  const headers = {}
  if (bearer) headers.Authorization = `Bearer ${bearer}`
  if (body) headers['Content-Type'] = 'application/json'
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) })
  const text = await answer.text()
  return { status: answer.status, body: text ? JSON.parse(text) : undefined }
}
