/** What was typed, kept in this tab until it is closed: a reload, or a restart of the sandbox, loses nothing. */

const NAME = 'token-service-sandbox'

/** What was kept, or an empty object. */
export function load() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME)) ?? {}
  } catch {
    return {}
  }
}

/** Keeps it. Where the browser forbids that, the page works on without. */
export function keep(state) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(state))
  } catch {
    // Nothing that a person could do about it now.
  }
}
